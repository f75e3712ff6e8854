// Processes by pidfd: a pid alone may name a stranger by the time it is used.
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <optional>
#include <string>

#include "addon/child.h"
#include "addon/functions.h"
#include "addon/request.h"
#include "sys/fd.h"

namespace tsoci::addon {

using sys::Error;
using sys::Result;

/// In no libc yet (Linux 5.6).
constexpr uint32_t kCloneNewTime = 0x80;

Napi::Value open_pidfd(const Napi::CallbackInfo& info) {
  Request request(info);
  const int pid = static_cast<int>(request.number("pid"));
  if (!request.ok()) return info.Env().Undefined();
  const long pidfd = syscall(SYS_pidfd_open, pid, 0);
  if (pidfd < 0) return throw_error(info.Env(), Error::from_errno("pidfd_open", "pid %d", pid));
  return Napi::Number::New(info.Env(), static_cast<double>(pidfd));
}

namespace {

struct NamespaceKind {
  const char* file;
  uint32_t flag;
};

constexpr NamespaceKind kNamespaceKinds[] = {{"user", CLONE_NEWUSER}, {"mnt", CLONE_NEWNS},
                                             {"pid", CLONE_NEWPID},   {"net", CLONE_NEWNET},
                                             {"ipc", CLONE_NEWIPC},   {"uts", CLONE_NEWUTS},
                                             {"time", kCloneNewTime}, {"cgroup", CLONE_NEWCGROUP}};

/// What identifies a namespace, by its file: namespaces(7). None when the kernel has no such kind.
Result<std::optional<struct stat>> identity(const std::string& process, const char* kind) {
  const std::string path = "/proc/" + process + "/ns/" + kind;
  struct stat found {};
  if (stat(path.c_str(), &found) == 0) return std::optional(found);
  if (errno == ENOENT && process == "self") return std::optional<struct stat>();
  return Error::from_errno("stat", "\"%s\"", path.c_str());
}

Result<uint32_t> differences(int pid) {
  uint32_t flags = 0;
  for (const auto& [kind, flag] : kNamespaceKinds) {
    const auto own = TRY(identity("self", kind));
    if (!own) continue;
    const auto other = TRY(identity(std::to_string(pid), kind));
    if (!other || own->st_ino != other->st_ino || own->st_dev != other->st_dev) flags |= flag;
  }
  return flags;
}

/// Takes the end of our child from the kernel, and with it the pid.
Napi::Value reap(const Napi::Env& env, idtype_t kind, id_t id) {
  siginfo_t ended{};
  if (sys::retry_eintr([&] { return waitid(kind, id, &ended, WEXITED); }) < 0) {
    return throw_error(env, Error::from_errno("waitid"));
  }
  return reply_of_end(env, ended);
}

}  // namespace

Napi::Value differing_namespaces(const Napi::CallbackInfo& info) {
  Request request(info);
  const int pid = static_cast<int>(request.number("pid"));
  if (!request.ok()) return info.Env().Undefined();
  Result<uint32_t> flags = differences(pid);
  if (!flags) return throw_error(info.Env(), flags.error());
  return Napi::Number::New(info.Env(), flags.value());
}

Napi::Value signal_pidfd(const Napi::CallbackInfo& info) {
  Request request(info);
  const int pidfd = static_cast<int>(request.number("pidfd"));
  const int signal = static_cast<int>(request.number("signal"));
  if (!request.ok()) return info.Env().Undefined();
  if (syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) < 0) {
    return throw_error(info.Env(), Error::from_errno("pidfd_send_signal", "signal %d", signal));
  }
  return info.Env().Undefined();
}

Napi::Value wait_pidfd(const Napi::CallbackInfo& info) {
  Request request(info);
  const int pidfd = static_cast<int>(request.number("pidfd"));
  const int timeout_ms = static_cast<int>(request.number("timeoutMs"));
  if (!request.ok()) return info.Env().Undefined();
  pollfd wait{pidfd, POLLIN, 0};
  const int ready = sys::retry_eintr([&] { return poll(&wait, 1, timeout_ms); });
  if (ready < 0) return throw_error(info.Env(), Error::from_errno("poll", "pidfd"));
  return Napi::Boolean::New(info.Env(), ready > 0);
}

Napi::Value reap_pidfd(const Napi::CallbackInfo& info) {
  Request request(info);
  const auto pidfd = static_cast<id_t>(request.number("pidfd"));
  if (!request.ok()) return info.Env().Undefined();
  return reap(info.Env(), P_PIDFD, pidfd);
}

Napi::Value reap_process(const Napi::CallbackInfo& info) {
  Request request(info);
  const auto pid = static_cast<id_t>(request.number("pid"));
  if (!request.ok()) return info.Env().Undefined();
  return reap(info.Env(), P_PID, pid);
}

Napi::Value reap_group(const Napi::CallbackInfo& info) {
  Request request(info);
  const auto pgid = static_cast<id_t>(request.number("pgid"));
  if (!request.ok()) return info.Env().Undefined();
  siginfo_t ended{};
  int waited = 0;
  while (waited == 0) {
    waited = sys::retry_eintr([&] { return waitid(P_PGID, pgid, &ended, WEXITED); });
  }
  if (errno != ECHILD) return throw_error(info.Env(), Error::from_errno("waitid", "process group"));
  return info.Env().Undefined();
}

Napi::Value set_limit(const Napi::CallbackInfo& info) {
  Request request(info);
  const pid_t pid = static_cast<pid_t>(request.number("pid"));
  const int resource = static_cast<int>(request.number("resource"));
  const rlimit64 limit{request.unsigned64("soft"), request.unsigned64("hard")};
  if (!request.ok()) return info.Env().Undefined();
  if (syscall(SYS_prlimit64, pid, resource, &limit, nullptr) < 0) {
    return throw_error(info.Env(),
                       Error::from_errno("prlimit", "soft %llu, hard %llu",
                                         static_cast<unsigned long long>(limit.rlim_cur),
                                         static_cast<unsigned long long>(limit.rlim_max)));
  }
  return info.Env().Undefined();
}

Napi::Value monotonic_ns(const Napi::CallbackInfo& info) {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  const uint64_t ns =
      static_cast<uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(now.tv_nsec);
  return Napi::BigInt::New(info.Env(), ns);
}

Napi::Value describe_errno(const Napi::CallbackInfo& info) {
  Request request(info);
  const int number = static_cast<int>(request.number("errno"));
  if (!request.ok()) return info.Env().Undefined();
  return Napi::String::New(info.Env(), describe_errno_number(number));
}

}  // namespace tsoci::addon
