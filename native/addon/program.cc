// Starts programs of the host: hooks, and CRIU.
#include "addon/program.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>

#include "addon/functions.h"
#include "addon/request.h"

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

namespace tsoci::addon {
namespace {

using sys::Error;
using sys::Result;
using sys::UniqueFd;

constexpr size_t kStackBytes = 64 * 1024;
constexpr int kLastSignal = 64;
/// The kernel's sigset_t has a bit a signal; glibc's is larger.
constexpr size_t kSignalSetBytes = 8;

/// What the child reads and the three fields that it writes. All of it is made before the clone:
/// the child shares our memory while another thread of the engine may hold malloc's locks.
struct Launch {
  const Program& program;
  char* const* argv;
  char* const* envp;
  const int* fds;
  const char* failed_call = nullptr;
  const char* failed_subject = nullptr;
  int failed_errno = 0;
};

/// Gives every signal its default action. By the raw system call: glibc keeps 32 and 33 to itself,
/// and what is ignored there would stay ignored in the program.
bool reset_signal_actions() {
  const std::array<uint64_t, 4> default_action{};  // The kernel's struct sigaction, SIG_DFL.
  for (int signal = 1; signal <= kLastSignal; ++signal) {
    if (signal == SIGKILL || signal == SIGSTOP) continue;
    if (syscall(SYS_rt_sigaction, signal, default_action.data(), nullptr, kSignalSetBytes) < 0) {
      return false;
    }
  }
  return true;
}

bool restore_soft_nofile(uint64_t soft) {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return false;
  limit.rlim_cur = std::min<rlim_t>(soft, limit.rlim_max);
  return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

/// Answers the system call that failed, or null.
const char* take_descriptors(const Launch& launch) {
  const size_t count = launch.program.fds.size();
  for (size_t number = 0; number < count; ++number) {
    const int target = static_cast<int>(number);
    const int source = launch.fds[number];
    // dup2 onto itself would leave close-on-exec as it is.
    const int taken =
        source == target ? fcntl(target, F_SETFD, 0) : dup2(launch.fds[number], target);
    if (taken < 0) return "dup2";
  }
  const auto first = static_cast<unsigned int>(count);
  if (syscall(SYS_close_range, first, ~0U, CLOSE_RANGE_CLOEXEC) < 0) return "close_range";
  return nullptr;
}

/// Nothing that is mounted here is ever seen on the host, and nothing has to be taken back.
const char* bind_in_own_namespace(const Program& program) {
  if (unshare(CLONE_NEWNS) < 0) return "unshare";
  if (mount(nullptr, "/", nullptr, MS_SLAVE | MS_REC, nullptr) < 0) return "mount";
  const char* source = program.bind_source.c_str();
  const char* target = program.bind_target.c_str();
  return mount(source, target, nullptr, MS_BIND | MS_REC, nullptr) < 0 ? "mount" : nullptr;
}

/// Answers the system call that failed; when all is well it does not return.
const char* become_program(Launch& launch) {
  const Program& program = launch.program;
  launch.failed_subject = program.path.c_str();
  if (!reset_signal_actions()) return "rt_sigaction";
  if (program.own_session && setsid() < 0) return "setsid";
  if (const char* failed = take_descriptors(launch)) return failed;
  if (program.nofile_soft != UINT64_MAX && !restore_soft_nofile(program.nofile_soft)) {
    return "setrlimit";
  }
  if (!program.bind_source.empty()) {
    launch.failed_subject = program.bind_source.c_str();
    if (const char* failed = bind_in_own_namespace(program)) return failed;
  }
  launch.failed_subject = program.cwd.c_str();
  if (!program.cwd.empty() && chdir(program.cwd.c_str()) < 0) return "chdir";
  launch.failed_subject = program.path.c_str();
  const uint64_t no_signals = 0;
  if (syscall(SYS_rt_sigprocmask, SIG_SETMASK, &no_signals, nullptr, kSignalSetBytes) < 0) {
    return "rt_sigprocmask";
  }
  execve(program.path.c_str(), launch.argv, launch.envp);
  return "execve";
}

int child_main(void* argument) {
  Launch& launch = *static_cast<Launch*>(argument);
  launch.failed_call = become_program(launch);
  launch.failed_errno = errno;
  _exit(127);
}

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

/// Copies of descriptors that dup2 in the child would overwrite before their own turn.
struct Sources {
  std::vector<int> fds;
  std::vector<UniqueFd> copies;
};

Result<Sources> keep_clear(const std::vector<int>& fds) {
  Sources sources{fds, {}};
  const int count = static_cast<int>(fds.size());
  for (int number = 0; number < count; ++number) {
    int& source = sources.fds[static_cast<size_t>(number)];
    if (source == number || source >= count) continue;
    source = fcntl(source, F_DUPFD_CLOEXEC, count);
    if (source < 0) return Error::from_errno("fcntl", "F_DUPFD_CLOEXEC");
    sources.copies.emplace_back(source);
  }
  return sources;
}

}  // namespace

/// Clones as vfork does: this thread stands still until the child has exec'd or failed, so the
/// child may use its memory, and the engine's page tables are not copied.
Result<ChildProcess> start(const Program& program) {
  const std::vector<char*> argv = pointers_to(program.args);
  const std::vector<char*> envp = pointers_to(program.env);
  const Sources sources = TRY(keep_clear(program.fds));
  Launch launch{program, argv.data(), envp.data(), sources.fds.data()};
  std::vector<char> stack(kStackBytes);
  // No handler of the engine may run in the child. Raw, to block 32 and 33 too.
  const uint64_t all_signals = ~uint64_t{0};
  uint64_t previous_mask = 0;
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all_signals, &previous_mask, kSignalSetBytes);
  int pidfd = -1;
  const uintptr_t top = reinterpret_cast<uintptr_t>(stack.data() + stack.size()) & ~uintptr_t{15};
  const pid_t pid = clone(child_main, reinterpret_cast<void*>(top),
                          CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &launch, &pidfd);
  const int clone_errno = errno;
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &previous_mask, nullptr, kSignalSetBytes);
  if (pid < 0) {
    errno = clone_errno;
    return Error::from_errno("clone", "\"%s\"", program.path.c_str());
  }
  ChildProcess child{pid, UniqueFd(pidfd)};
  if (launch.failed_call == nullptr) return child;

  siginfo_t ended{};
  sys::retry_eintr([&] { return waitid(P_PIDFD, pidfd, &ended, WEXITED | __WALL); });
  errno = launch.failed_errno;
  return Error::from_errno(launch.failed_call, "\"%s\"", launch.failed_subject);
}

Napi::Value start_program(const Napi::CallbackInfo& info) {
  Request request(info);
  Program program;
  program.path = request.string("path");
  program.args = request.strings("args");
  program.env = request.strings("env");
  program.fds = request.numbers("fds");
  program.nofile_soft = request.unsigned64("nofileSoft");
  program.bind_source = request.string("bindSource");
  program.bind_target = request.string("bindTarget");
  if (!request.ok()) return info.Env().Undefined();
  return reply_with(info.Env(), start(program));
}

}  // namespace tsoci::addon
