// Clones the process that becomes init, and hands it a sealed copy of its program and its plan.
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <memory>

#include "addon/child.h"
#include "addon/functions.h"
#include "addon/request.h"
#include "sys/fd.h"

extern "C" const unsigned char tsoci_init_image[];
extern "C" const unsigned char tsoci_init_image_end[];

namespace tsoci::addon {
namespace {

using sys::Error;
using sys::Result;
using sys::UniqueFd;

#ifndef MFD_EXEC
constexpr unsigned kMfdExec = 0x10;       // Linux 6.3
constexpr unsigned kMfdNoexecSeal = 0x8;  // Linux 6.3
#else
constexpr unsigned kMfdExec = MFD_EXEC;
constexpr unsigned kMfdNoexecSeal = MFD_NOEXEC_SEAL;
#endif

constexpr unsigned kStandardStreams = 3;

constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

Result<void> write_whole(int fd, const void* bytes, size_t size) {
  const auto* next = static_cast<const char*>(bytes);
  while (size > 0) {
    const ssize_t written = sys::retry_eintr([&] { return write(fd, next, size); });
    if (written < 0) return Error::from_errno("write", "memfd");
    next += written;
    size -= static_cast<size_t>(written);
  }
  return {};
}

/// The kernel refuses while anybody has hold of a page, be it only reclaim that looks at it. Before
/// it says so it waits some 150 ms.
Result<void> seal(int memfd) {
  constexpr int kAttempts = 5;
  for (int attempt = 1; fcntl(memfd, F_ADD_SEALS, kSeals) < 0; ++attempt) {
    if (errno != EBUSY || attempt == kAttempts) return Error::from_errno("fcntl(F_ADD_SEALS)");
  }
  return {};
}

/// A memfd that nobody can change any more: what runs in the container is no file of the host, and
/// not even root in the container can write to it (CVE-2019-5736).
Result<UniqueFd> sealed_memfd(const char* name, const void* bytes, size_t size, unsigned extra) {
  UniqueFd memfd(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | extra));
  if (!memfd.is_open() && errno == EINVAL && extra != 0) {
    // Before Linux 6.3 there are no such flags, and every memfd can be executed.
    memfd.reset(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  }
  if (!memfd.is_open()) {
    return Error::from_errno("memfd_create",
                             errno == EACCES ? "\"%s\" (vm.memfd_noexec is 2)" : "\"%s\"", name);
  }
  TRY_VOID(write_whole(memfd.get(), bytes, size));
  TRY_VOID(seal(memfd.get()));
  return memfd;
}

/// The call of the child that failed, and its errno.
struct Failure {
  const char* call;
  int number;
};

/// All that the child needs, prepared before the clone: it may not allocate, because the engine's
/// other threads may hold malloc's locks at the moment of the clone.
struct Child {
  int program_fd;
  unsigned first_own_fd;
  const int* inherit_fds;
  size_t inherit_count;
  const int* streams;  ///< Three descriptors that become 0, 1 and 2; null for the caller's own.
  bool restore_limit;
  rlimit files;
  char* arguments[3];
  char* environment[1];
  Failure* failure;  ///< In memory that is shared with the parent.
};

/// Answers the system call that failed; when all is well it does not return.
const char* try_to_become_init(const Child& child) {
  if (child.restore_limit && syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, &child.files, nullptr) < 0) {
    return "prlimit64";
  }
  // Whatever the engine or the caller left open must not reach init.
  if (syscall(SYS_close_range, child.first_own_fd, ~0U, CLOSE_RANGE_CLOEXEC) < 0) {
    return "close_range";
  }
  for (unsigned fd = 0; child.streams != nullptr && fd < kStandardStreams; ++fd) {
    if (syscall(SYS_dup3, child.streams[fd], fd, 0) < 0) return "dup3";
  }
  // An engine marks what it inherits, the container's descriptors too; Node even its standard
  // streams. One that is closed needs no mark.
  for (unsigned fd = 0; fd < child.first_own_fd; ++fd) {
    if (syscall(SYS_fcntl, fd, F_SETFD, 0) < 0 && errno != EBADF) return "fcntl";
  }
  for (size_t index = 0; index < child.inherit_count; ++index) {
    if (syscall(SYS_fcntl, child.inherit_fds[index], F_SETFD, 0) < 0) return "fcntl";
  }
  syscall(SYS_execveat, child.program_fd, "", child.arguments, child.environment, AT_EMPTY_PATH);
  return "execveat";
}

/// Runs in the child, in the parent's memory: raw system calls only. errno is the
/// parent's too, which waits meanwhile and reads it only after its own failures.
void become_init(const void* argument) {
  const Child& child = *static_cast<const Child*>(argument);
  child.failure->call = try_to_become_init(child);
  child.failure->number = errno;
  syscall(SYS_exit_group, 1);
  __builtin_unreachable();
}

/// Memory that is shared with a child that has a copy of the rest.
class MappedMemory {
 public:
  explicit MappedMemory(size_t size)
      : size_(size),
        start_(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {}
  ~MappedMemory() {
    if (is_mapped()) munmap(start_, size_);
  }
  MappedMemory(const MappedMemory&) = delete;
  MappedMemory& operator=(const MappedMemory&) = delete;
  bool is_mapped() const { return start_ != MAP_FAILED; }
  void* get() const { return start_; }

 private:
  size_t size_;
  void* start_;
};

/// clone3(2) with our memory shared and a stack of the child's own: `entry` runs in the child and
/// never returns. Copying the page tables of a JavaScript engine, and the faults that follow, would
/// take longer than all that the child does.
[[gnu::noinline]] long clone_sharing_memory(clone_args* arguments, void (*entry)(const void*),
                                            const void* argument) {
#if defined(__x86_64__)
  register void (*entry_register)(const void*) asm("r12") = entry;
  register const void* argument_register asm("r13") = argument;
  long result;
  asm volatile(
      "syscall\n\t"
      "test %%rax, %%rax\n\t"
      "jnz 1f\n\t"
      "xor %%ebp, %%ebp\n\t"
      "mov %%r13, %%rdi\n\t"
      "call *%%r12\n\t"
      "hlt\n"
      "1:\n\t"
      : "=a"(result)
      : "a"(SYS_clone3), "D"(arguments), "S"(sizeof(*arguments)), "r"(entry_register),
        "r"(argument_register)
      : "rcx", "r11", "memory");
  if (result >= 0) return result;
  errno = static_cast<int>(-result);
  return -1;
#else
  // Elsewhere the child gets a copy, which is slower and no less right.
  arguments->flags &= ~static_cast<uint64_t>(CLONE_VM);
  arguments->stack = 0;
  arguments->stack_size = 0;
  const long result = syscall(SYS_clone3, arguments, sizeof(*arguments));
  if (result == 0) entry(argument);
  return result;
#endif
}

/// The child's few calls need little, and a signal handler cannot run on it: all are blocked.
constexpr size_t kChildStackBytes = 64 * 1024;

/// Binds this thread to processors for as long as a child is cloned, which begins with the same:
/// execCPUAffinity.initial.
class ChildAffinity {
 public:
  static Result<std::unique_ptr<ChildAffinity>> of(std::span<const uint8_t> mask) {
    if (mask.empty()) return std::unique_ptr<ChildAffinity>();
    std::unique_ptr<ChildAffinity> bound(new ChildAffinity);
    const long size = syscall(SYS_sched_getaffinity, 0, sizeof(bound->own_), bound->own_);
    if (size < 0) return Error::from_errno("sched_getaffinity");
    bound->own_size_ = static_cast<size_t>(size);
    if (syscall(SYS_sched_setaffinity, 0, mask.size(), mask.data()) < 0) {
      return Error::from_errno("sched_setaffinity", "execCPUAffinity.initial");
    }
    return bound;
  }
  ~ChildAffinity() {
    if (own_size_ > 0) syscall(SYS_sched_setaffinity, 0, own_size_, own_);
  }
  ChildAffinity(const ChildAffinity&) = delete;
  ChildAffinity& operator=(const ChildAffinity&) = delete;

 private:
  ChildAffinity() = default;
  unsigned long own_[128];  ///< As many as any kernel has: CONFIG_NR_CPUS is at most 8192.
  size_t own_size_ = 0;
};

Result<ChildProcess> clone_init(const Child& child, uint64_t flags, int cgroup_fd) {
  int pidfd = -1;
  clone_args arguments{};
  arguments.flags = flags | CLONE_PIDFD | CLONE_VFORK | CLONE_VM;
  arguments.pidfd = reinterpret_cast<uint64_t>(&pidfd);
  arguments.exit_signal = SIGCHLD;
  if (cgroup_fd >= 0) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = static_cast<uint64_t>(cgroup_fd);
  }
  const MappedMemory stack(kChildStackBytes);
  if (!stack.is_mapped()) return Error::from_errno("mmap", "stack");
  arguments.stack = reinterpret_cast<uint64_t>(stack.get());
  arguments.stack_size = kChildStackBytes;
  // No handler of the engine may run in the child.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const long pid = clone_sharing_memory(&arguments, become_init, &child);
  const int clone_errno = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) {
    errno = clone_errno;
    return Error::from_errno("clone3", "flags 0x%llx", static_cast<unsigned long long>(flags));
  }
  return ChildProcess{static_cast<pid_t>(pid), UniqueFd(pidfd)};
}

struct SpawnArguments {
  std::span<const uint8_t> plan;
  std::vector<int> inherit_fds;
  std::vector<int> streams;  ///< Three, none of them one of those that they become, or none.
  unsigned preserve_fds = 0;
  uint64_t clone_flags = 0;
  int cgroup_fd = -1;
  std::span<const uint8_t> affinity;
  uint64_t nofile_soft = 0;
};

Result<ChildProcess> spawn(SpawnArguments arguments) {
  const size_t image_size = static_cast<size_t>(tsoci_init_image_end - tsoci_init_image);
  const UniqueFd program = TRY(sealed_memfd("tsoci-init", tsoci_init_image, image_size, kMfdExec));
  const UniqueFd plan =
      TRY(sealed_memfd("tsoci-plan", arguments.plan.data(), arguments.plan.size(), kMfdNoexecSeal));
  const MappedMemory shared(sizeof(Failure));
  if (!shared.is_mapped()) return Error::from_errno("mmap", "errno");

  char name[] = "tsoci-init";
  char plan_number[16] = "";
  std::to_chars(plan_number, plan_number + sizeof(plan_number) - 1, plan.get());
  arguments.inherit_fds.push_back(plan.get());
  Child child{};
  child.program_fd = program.get();
  child.first_own_fd = kStandardStreams + arguments.preserve_fds;
  child.inherit_fds = arguments.inherit_fds.data();
  child.inherit_count = arguments.inherit_fds.size();
  if (arguments.streams.size() == kStandardStreams) child.streams = arguments.streams.data();
  child.restore_limit = arguments.nofile_soft != UINT64_MAX;
  if (child.restore_limit) {
    if (getrlimit(RLIMIT_NOFILE, &child.files) < 0) return Error::from_errno("getrlimit");
    child.files.rlim_cur = std::min<rlim_t>(arguments.nofile_soft, child.files.rlim_max);
  }
  child.arguments[0] = name;
  child.arguments[1] = plan_number;
  child.failure = static_cast<Failure*>(shared.get());

  const auto affinity = TRY(ChildAffinity::of(arguments.affinity));
  ChildProcess spawned = TRY(clone_init(child, arguments.clone_flags, arguments.cgroup_fd));
  if (child.failure->call != nullptr) {
    sys::retry_eintr([&] { return waitpid(spawned.pid, nullptr, 0); });
    errno = child.failure->number;
    return Error::from_errno(child.failure->call, "init");
  }
  return spawned;
}

}  // namespace

Napi::Value spawn_init(const Napi::CallbackInfo& info) {
  Request request(info);
  SpawnArguments arguments;
  arguments.plan = request.bytes("plan");
  arguments.inherit_fds = request.numbers("inheritFds");
  arguments.inherit_fds.push_back(static_cast<int>(request.number("linkFd")));
  arguments.streams = request.numbers("streams");
  arguments.preserve_fds = static_cast<unsigned>(request.number("preserveFds"));
  arguments.clone_flags = static_cast<uint64_t>(request.number("cloneFlags"));
  arguments.cgroup_fd = static_cast<int>(request.number("cgroupFd"));
  arguments.affinity = request.bytes("affinity");
  arguments.nofile_soft = request.unsigned64("nofileSoft");
  if (!request.ok()) return info.Env().Undefined();
  return reply_with(info.Env(), spawn(std::move(arguments)));
}

}  // namespace tsoci::addon
