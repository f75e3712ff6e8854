// A user namespace that only holds id maps: mount_setattr takes them from it.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "addon/functions.h"
#include "addon/request.h"
#include "sys/fd.h"

namespace tsoci::addon {
namespace {

using sys::Error;
using sys::Result;
using sys::UniqueFd;

/// A process in a new user namespace that does nothing. It ends with this object.
class Holder {
 public:
  Holder(pid_t pid, UniqueFd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}
  Holder(Holder&&) = default;
  ~Holder() {
    if (!pidfd_.is_open()) return;
    syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0);
    siginfo_t ended{};
    sys::retry_eintr([&] { return waitid(P_PIDFD, pidfd_.get(), &ended, WEXITED | __WALL); });
  }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
  UniqueFd pidfd_;
};

Result<Holder> clone_holder() {
  int alive[2];
  if (pipe2(alive, O_CLOEXEC) < 0) return Error::from_errno("pipe2", "for an id map");
  const UniqueFd read_end(alive[0]);
  const UniqueFd write_end(alive[1]);
  int pidfd = -1;
  // Without an exit signal, so that the engine does not go looking for a child that it never had.
#if defined(__s390__) || defined(__s390x__)
  const long pid = syscall(SYS_clone, nullptr, CLONE_NEWUSER | CLONE_PIDFD, &pidfd, nullptr, 0);
#else
  const long pid = syscall(SYS_clone, CLONE_NEWUSER | CLONE_PIDFD, nullptr, &pidfd, nullptr, 0);
#endif
  if (pid < 0) return Error::from_errno("clone", "user namespace for an id-mapped mount");
  if (pid == 0) {
    // End of file also comes when the driver is killed, so that no holder outlives it.
    syscall(SYS_close, alive[1]);
    char byte;
    while (syscall(SYS_read, alive[0], &byte, 1) < 0 && errno == EINTR) continue;
    syscall(SYS_exit_group, 0);
    __builtin_unreachable();
  }
  return Holder(static_cast<pid_t>(pid), UniqueFd(pidfd));
}

Result<void> write_map(const Holder& holder, const char* file, const std::string& map) {
  const std::string path = "/proc/" + std::to_string(holder.pid()) + "/" + file;
  const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd.is_open()) return Error::from_errno("open", "%s of an id-mapped mount", file);
  // One write: the kernel takes the whole map at once, and only once.
  const ssize_t written = write(fd.get(), map.data(), map.size());
  if (written < 0) {
    return Error::from_errno("write", "%s of an id-mapped mount: \"%s\"", file, map.c_str());
  }
  return {};
}

Result<UniqueFd> make_idmap(const std::string& uid_map, const std::string& gid_map) {
  const Holder holder = TRY(clone_holder());
  TRY_VOID(write_map(holder, "uid_map", uid_map));
  TRY_VOID(write_map(holder, "gid_map", gid_map));
  const std::string path = "/proc/" + std::to_string(holder.pid()) + "/ns/user";
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.is_open()) return Error::from_errno("open", "\"%s\"", path.c_str());
  return fd;
}

}  // namespace

Napi::Value open_idmap(const Napi::CallbackInfo& info) {
  Request request(info);
  const std::string uid_map = request.string("uidMap");
  const std::string gid_map = request.string("gidMap");
  if (!request.ok()) return info.Env().Undefined();
  Result<UniqueFd> fd = make_idmap(uid_map, gid_map);
  if (!fd) return throw_error(info.Env(), fd.error());
  return Napi::Number::New(info.Env(), fd.value().release());
}

}  // namespace tsoci::addon
