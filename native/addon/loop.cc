// Loop devices: a file as the disk of a file system, loop(4).
#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>

#include "addon/functions.h"
#include "addon/request.h"
#include "sys/fd.h"

namespace tsoci::addon {
namespace {

using sys::Error;
using sys::Result;
using sys::UniqueFd;

struct LoopDevice {
  std::string path;
  UniqueFd fd;
};

Result<UniqueFd> open_or_fail(const std::string& path, int flags) {
  UniqueFd fd(open(path.c_str(), flags | O_CLOEXEC));
  if (!fd.is_open()) return Error::from_errno("open", "\"%s\"", path.c_str());
  return fd;
}

Result<LoopDevice> open_loop_device(const std::string& file, bool read_only, bool direct_io) {
  // Between the two calls somebody else may take the device.
  constexpr int kTries = 64;
  const int access = read_only ? O_RDONLY : O_RDWR;
  const UniqueFd backing = TRY(open_or_fail(file, access));
  const UniqueFd control = TRY(open_or_fail("/dev/loop-control", O_RDWR));
  loop_config config{};
  config.fd = static_cast<uint32_t>(backing.get());
  // The device goes with the mount, its last user.
  config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
  if (read_only) config.info.lo_flags |= LO_FLAGS_READ_ONLY;
  if (direct_io) config.info.lo_flags |= LO_FLAGS_DIRECT_IO;
  std::snprintf(reinterpret_cast<char*>(config.info.lo_file_name), sizeof(config.info.lo_file_name),
                "%s", file.c_str());
  for (int tries = 0; tries < kTries; ++tries) {
    const int number = ioctl(control.get(), LOOP_CTL_GET_FREE);
    if (number < 0) return Error::from_errno("ioctl", "LOOP_CTL_GET_FREE");
    std::string path = "/dev/loop" + std::to_string(number);
    UniqueFd device = TRY(open_or_fail(path, access));
    if (ioctl(device.get(), LOOP_CONFIGURE, &config) == 0) {
      return LoopDevice{std::move(path), std::move(device)};
    }
    if (errno != EBUSY) return Error::from_errno("ioctl", "LOOP_CONFIGURE \"%s\"", path.c_str());
  }
  return Error::refusal("no free loop device in %d tries", kTries);
}

}  // namespace

Napi::Value open_loop(const Napi::CallbackInfo& info) {
  Request request(info);
  const std::string path = request.string("path");
  const bool read_only = request.boolean("readOnly");
  const bool direct_io = request.boolean("directIo");
  if (!request.ok()) return info.Env().Undefined();
  Result<LoopDevice> device = open_loop_device(path, read_only, direct_io);
  if (!device) return throw_error(info.Env(), device.error());
  Napi::Object reply = Napi::Object::New(info.Env());
  reply.Set("fd", device.value().fd.release());
  reply.Set("device", device.value().path);
  return reply;
}

}  // namespace tsoci::addon
