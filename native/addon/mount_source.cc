// Mounts that the driver opens or takes away for a container.
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "addon/functions.h"
#include "addon/own_thread.h"
#include "addon/request.h"
#include "sys/fd.h"
#include "sys/mount_api.h"

namespace tsoci::addon {
namespace {

using sys::Error;
using sys::Result;
using sys::UniqueFd;

struct MountSource {
  int pid = -1;
  std::string path;
  bool recursive = false;
  bool follow = true;
  int idmap_fd = -1;
  bool idmap_recursive = false;
};

Result<UniqueFd> open_in_this_namespace(const MountSource& source) {
  const unsigned flags =
      (source.recursive ? AT_RECURSIVE : 0u) | (source.follow ? 0u : AT_SYMLINK_NOFOLLOW);
  UniqueFd tree = TRY(sys::clone_tree(AT_FDCWD, source.path.c_str(), flags));
  if (source.idmap_fd >= 0) {
    TRY_VOID(sys::mount_setattr(
        tree.get(), source.idmap_recursive ? AT_RECURSIVE : 0,
        {.set = MOUNT_ATTR_IDMAP, .userns_fd = static_cast<uint64_t>(source.idmap_fd)}));
  }
  return tree;
}

Result<UniqueFd> open_in_other_namespace(const MountSource& source) {
  const std::string path = "/proc/" + std::to_string(source.pid) + "/ns/mnt";
  const UniqueFd mounts(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!mounts.is_open()) return Error::from_errno("open", "\"%s\"", path.c_str());
  if (setns(mounts.get(), CLONE_NEWNS) < 0)
    return Error::from_errno("setns", "\"%s\"", path.c_str());
  return open_in_this_namespace(source);
}

}  // namespace

Napi::Value open_mount_source(const Napi::CallbackInfo& info) {
  Request request(info);
  MountSource source;
  source.pid = static_cast<int>(request.number("pid"));
  source.path = request.string("path");
  source.recursive = request.boolean("recursive");
  source.follow = request.boolean("follow");
  source.idmap_fd = static_cast<int>(request.number("idmapFd"));
  source.idmap_recursive = request.boolean("idmapRecursive");
  if (!request.ok()) return info.Env().Undefined();
  Result<UniqueFd> tree = source.pid < 0
                              ? open_in_this_namespace(source)
                              : call_in_thread([&] { return open_in_other_namespace(source); });
  if (!tree) return throw_error(info.Env(), tree.error());
  return Napi::Number::New(info.Env(), tree.value().release());
}

Napi::Value detach_mount(const Napi::CallbackInfo& info) {
  Request request(info);
  const std::string path = request.string("path");
  if (!request.ok()) return info.Env().Undefined();
  if (umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) < 0) {
    return throw_error(info.Env(), Error::from_errno("umount2", "\"%s\"", path.c_str()));
  }
  return info.Env().Undefined();
}

}  // namespace tsoci::addon
