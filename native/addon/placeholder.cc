// A process that only takes a place: systemd makes the cgroup of a scope for processes that are
// there, and ours is there before the container is.
#include <linux/sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "addon/child.h"
#include "addon/functions.h"
#include "sys/fd.h"

namespace tsoci::addon {
namespace {

using sys::Error;
using sys::Result;
using sys::UniqueFd;

/// Runs in the child, which has a copy of our memory and of nobody's locks: system calls only.
[[noreturn]] void hold_place(pid_t driver) {
  prctl(PR_SET_NAME, "tsoci:[place]");
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // It may have died before it was watched.
  if (getppid() != driver) _exit(1);
  // Ends of sockets and pipes say by their end that we are gone, and nobody else may hold them.
  syscall(SYS_close_range, 0U, ~0U, 0U);
  // Every signal is blocked, so that only SIGKILL ends this.
  while (true) pause();
}

Result<ChildProcess> start() {
  int pidfd = -1;
  clone_args arguments{};
  arguments.flags = CLONE_PIDFD;
  arguments.pidfd = reinterpret_cast<uint64_t>(&pidfd);
  arguments.exit_signal = SIGCHLD;
  // No handler of the engine may run in the child.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t driver = getpid();
  const long pid = syscall(SYS_clone3, &arguments, sizeof(arguments));
  if (pid == 0) hold_place(driver);
  const int clone_errno = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) {
    errno = clone_errno;
    return Error::from_errno("clone3", "a placeholder");
  }
  return ChildProcess{static_cast<pid_t>(pid), UniqueFd(pidfd)};
}

}  // namespace

Napi::Value start_placeholder(const Napi::CallbackInfo& info) {
  return reply_with(info.Env(), start());
}

}  // namespace tsoci::addon
