// Standard streams: the shim's own, and those that it gives to containers.
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <termios.h>
#include <unistd.h>

#include "addon/functions.h"
#include "addon/request.h"
#include "sys/fd.h"

namespace tsoci::addon {

using sys::Error;

Napi::Value open_pipe(const Napi::CallbackInfo& info) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return throw_error(info.Env(), Error::from_errno("pipe2"));
  Napi::Object reply = Napi::Object::New(info.Env());
  reply.Set("readFd", Napi::Number::New(info.Env(), ends[0]));
  reply.Set("writeFd", Napi::Number::New(info.Env(), ends[1]));
  return reply;
}

Napi::Value replace_descriptor(const Napi::CallbackInfo& info) {
  Request request(info);
  const int fd = static_cast<int>(request.number("fd"));
  const int target = static_cast<int>(request.number("target"));
  if (!request.ok()) return info.Env().Undefined();
  if (dup3(fd, target, 0) < 0) {
    return throw_error(info.Env(), Error::from_errno("dup3", "descriptor %d", target));
  }
  return info.Env().Undefined();
}

Napi::Value resize_terminal(const Napi::CallbackInfo& info) {
  Request request(info);
  const int master_fd = static_cast<int>(request.number("masterFd"));
  winsize size{};
  size.ws_col = static_cast<unsigned short>(request.number("columns"));
  size.ws_row = static_cast<unsigned short>(request.number("rows"));
  if (!request.ok()) return info.Env().Undefined();
  if (ioctl(master_fd, TIOCSWINSZ, &size) < 0) {
    return throw_error(info.Env(), Error::from_errno("ioctl(TIOCSWINSZ)"));
  }
  return info.Env().Undefined();
}

Napi::Value isolate_cores(const Napi::CallbackInfo& info) {
  // PR_SCHED_CORE, PR_SCHED_CORE_CREATE, this process, all of its threads: Linux 5.14.
  constexpr int kSchedCore = 62;
  constexpr int kCreate = 1;
  constexpr int kThreadGroup = 1;
  if (prctl(kSchedCore, kCreate, 0, kThreadGroup, 0) < 0) {
    return throw_error(info.Env(), Error::from_errno("prctl(PR_SCHED_CORE)"));
  }
  return info.Env().Undefined();
}

}  // namespace tsoci::addon
