// Hooks that run in the container's namespaces: createContainer and startContainer.
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <stdlib.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init/execute.h"
#include "init/link.h"

namespace tsoci::init {
namespace {

constexpr size_t kErrorTailBytes = 300;
constexpr uint64_t kNsPerSecond = 1'000'000'000;

/// The last bytes of what the hook wrote: the reason usually stands at the end.
struct Tail {
  char bytes[kErrorTailBytes + 1] = "";
  size_t size = 0;

  void add(const char* more, size_t count) {
    if (count >= kErrorTailBytes) {
      std::memcpy(bytes, more + count - kErrorTailBytes, kErrorTailBytes);
      size = kErrorTailBytes;
    } else {
      const size_t kept = size + count > kErrorTailBytes ? kErrorTailBytes - count : size;
      std::memmove(bytes, bytes + size - kept, kept);
      std::memcpy(bytes + kept, more, count);
      size = kept + count;
    }
    bytes[size] = '\0';
  }
};

struct RunningHook {
  pid_t pid = -1;
  UniqueFd pidfd;
  UniqueFd stdin_pipe;
  UniqueFd output_pipe;
};

/// In the child: nothing of init's but the three streams goes on.
[[noreturn]] void become_hook(const Context& context, const wire::RunHookStep& step,
                              char** arguments, char** environment, int stdin_fd, int output_fd) {
  setsid();
  signal(SIGPIPE, SIG_DFL);
  if (dup2(stdin_fd, STDIN_FILENO) < 0 || dup2(output_fd, STDOUT_FILENO) < 0 ||
      dup2(output_fd, STDERR_FILENO) < 0) {
    _exit(127);
  }
  // Before the root changes the container's root is still a directory, and hooks start in it.
  if (!context.root_changed && fchdir(context.rootfs.get()) < 0) _exit(127);
  syscall(SYS_close_range, 3U, ~0U, 0U);
  execve(step.path, arguments, environment);
  dprintf(STDERR_FILENO, "execve: %s (%s)", strerrordesc_np(errno), strerrorname_np(errno));
  _exit(127);
}

Result<RunningHook> spawn_hook(const Context& context, const wire::RunHookStep& step) {
  char** arguments = TRY(pointers_to(step.args, 1));
  char** environment = TRY(pointers_to(step.env, 0));
  if (step.args.size() == 0) arguments[0] = const_cast<char*>(step.path);
  int stdin_ends[2];
  int output_ends[2];
  if (pipe2(stdin_ends, O_CLOEXEC) < 0) return Error::from_errno("pipe2");
  UniqueFd stdin_read(stdin_ends[0]);
  UniqueFd stdin_write(stdin_ends[1]);
  if (pipe2(output_ends, O_CLOEXEC) < 0) return Error::from_errno("pipe2");
  UniqueFd output_read(output_ends[0]);
  UniqueFd output_write(output_ends[1]);
  const pid_t pid = fork();
  if (pid < 0) return Error::from_errno("fork");
  if (pid == 0) {
    become_hook(context, step, arguments, environment, stdin_read.get(), output_write.get());
  }
  RunningHook hook;
  hook.pid = pid;
  hook.pidfd.reset(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  hook.stdin_pipe = std::move(stdin_write);
  hook.output_pipe = std::move(output_read);
  if (!hook.pidfd.is_open()) {
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    return Error::from_errno("pidfd_open");
  }
  fcntl(hook.stdin_pipe.get(), F_SETFL, O_NONBLOCK);
  fcntl(hook.output_pipe.get(), F_SETFL, O_NONBLOCK);
  return hook;
}

/// Writes as much of `state` as the pipe takes. A hook that closes its input has read enough.
void feed(UniqueFd& pipe, const char*& state, size_t& left) {
  const ssize_t written = write(pipe.get(), state, left);
  if (written > 0) {
    state += written;
    left -= static_cast<size_t>(written);
  }
  if (left == 0 || (written < 0 && errno != EAGAIN && errno != EINTR)) pipe.reset();
}

void drain(UniqueFd& pipe, Tail& tail) {
  char buffer[1024];
  const ssize_t got = read(pipe.get(), buffer, sizeof(buffer));
  if (got > 0) tail.add(buffer, static_cast<size_t>(got));
  if (got == 0) pipe.reset();
}

/// Waits for the hook; false when the time is up. What still holds its streams is not waited for.
bool attend(RunningHook& hook, const char* state, Tail& tail, uint64_t deadline_ns) {
  size_t left = std::strlen(state);
  while (true) {
    int wait_ms = -1;
    if (deadline_ns != 0) {
      const uint64_t now = Trace::now_ns();
      if (now >= deadline_ns) return false;
      wait_ms = static_cast<int>((deadline_ns - now) / 1'000'000 + 1);
    }
    pollfd waits[3] = {{hook.pidfd.get(), POLLIN, 0},
                       {hook.stdin_pipe.get(), POLLOUT, 0},
                       {hook.output_pipe.get(), POLLIN, 0}};
    if (poll(waits, 3, wait_ms) < 0) continue;
    if (waits[1].revents != 0) feed(hook.stdin_pipe, state, left);
    if (waits[2].revents != 0) drain(hook.output_pipe, tail);
    if (waits[0].revents != 0) {
      if (hook.output_pipe.is_open()) drain(hook.output_pipe, tail);
      return true;
    }
  }
}

}  // namespace

Result<void> carry_out(Context& context, const wire::RunHookStep& step) {
  // The pid as the container sees it, which only init can know: runtime.md#state.
  const size_t room = std::strlen(step.state_before_pid) + std::strlen(step.state_after_pid) + 16;
  char* state = static_cast<char*>(malloc(room));
  if (state == nullptr) return Error::from_errno("malloc", "%zu bytes of state", room);
  std::snprintf(state, room, "%s%d%s", step.state_before_pid, getpid(), step.state_after_pid);

  // A hook may end without reading its input.
  signal(SIGPIPE, SIG_IGN);
  RunningHook hook = TRY(spawn_hook(context, step));
  Tail tail;
  const uint64_t deadline_ns =
      step.timeout_seconds == 0 ? 0 : Trace::now_ns() + step.timeout_seconds * kNsPerSecond;
  const bool ended = attend(hook, state, tail, deadline_ns);
  // The hook leads a session of its own: whatever it left in its group goes with it at a timeout.
  if (!ended) kill(-hook.pid, SIGKILL);
  int status = 0;
  sys::retry_eintr([&] { return waitpid(hook.pid, &status, 0); });
  signal(SIGPIPE, SIG_DFL);
  free(state);

  if (!ended) {
    return Error::refusal("error running %s hook #%u: timed out after %u seconds, stderr: %s",
                          step.kind, step.index, step.timeout_seconds, tail.bytes);
  }
  if (WIFSIGNALED(status)) {
    char name[32];
    std::snprintf(name, sizeof(name), "%s", sigdescr_np(WTERMSIG(status)));
    if (name[0] >= 'A' && name[0] <= 'Z') name[0] = static_cast<char>(name[0] - 'A' + 'a');
    return Error::refusal("error running %s hook #%u: signal: %s, stderr: %s", step.kind,
                          step.index, name, tail.bytes);
  }
  if (WEXITSTATUS(status) != 0) {
    return Error::refusal("error running %s hook #%u: exit status %d, stderr: %s", step.kind,
                          step.index, WEXITSTATUS(status), tail.bytes);
  }
  return {};
}

}  // namespace tsoci::init
