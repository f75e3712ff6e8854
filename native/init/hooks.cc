// Hooks that run in the container's namespaces: createContainer and startContainer.
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init/execute.h"
#include "init/link.h"

namespace tsoci::init {
namespace {

constexpr size_t kErrorTailBytes = 300;
constexpr char kStreamsCall[] = "dup2";
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

  /// An error is one line: the newline that ends a message is no part of it.
  const char* text() {
    while (size > 0 && isspace(static_cast<unsigned char>(bytes[size - 1]))) bytes[--size] = '\0';
    return bytes;
  }
};

struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
};

/// A pipe whose ends are all above 2, so that no dup2 in the child overwrites one.
Result<Pipe> open_pipe() {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) < 0) return Error::from_errno("pipe2");
  UniqueFd ends[2] = {UniqueFd(fds[0]), UniqueFd(fds[1])};
  for (UniqueFd& end : ends) {
    if (end.get() > STDERR_FILENO) continue;
    const int above = fcntl(end.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (above < 0) return Error::from_errno("fcntl(F_DUPFD_CLOEXEC)");
    end.reset(above);
  }
  return Pipe{std::move(ends[0]), std::move(ends[1])};
}

/// The other end is another open file, so the hook's own end keeps blocking.
Result<void> make_nonblocking(const UniqueFd& fd) {
  if (fcntl(fd.get(), F_SETFL, O_NONBLOCK) < 0) return Error::from_errno("fcntl(F_SETFL)");
  return {};
}

struct RunningHook {
  pid_t pid = -1;
  UniqueFd pidfd;
  UniqueFd stdin_pipe;
  UniqueFd output_pipe;
};

struct Launch {
  const char* path;
  char** arguments;
  char** environment;
  int input;
  int output;
  pid_t init;
  const wire::Bytes& filter;
  uint32_t filter_flags;
};

/// In the child: nothing of init's but the three streams goes on. Answers the system call that
/// failed; when all is well it does not return.
const char* try_to_become_hook(const Context& context, const Launch& launch) {
  for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; ++stream) {
    if (dup2(stream == STDIN_FILENO ? launch.input : launch.output, stream) < 0)
      return kStreamsCall;
  }
  // A session of its own: a timeout kills the whole group.
  if (setsid() < 0) return "setsid";
  // Whoever kills the driver, and init with it, ends the hook too. It did not hear of a death
  // before.
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) return "prctl(PR_SET_PDEATHSIG)";
  if (getppid() != launch.init) _exit(127);
  signal(SIGPIPE, SIG_DFL);
  // Before the root changes the container's root is still a directory, and hooks start in it.
  if (!context.root_changed && fchdir(context.rootfs.get()) < 0) return "fchdir";
  // The descriptors that init was given for later steps are not close-on-exec.
  if (syscall(SYS_close_range, STDERR_FILENO + 1U, ~0U, 0U) < 0) return "close_range";
  // Here and not in init, so that it has to allow what the hook does and nothing of init's.
  if (!launch.filter.empty() && !load_filter(launch.filter, launch.filter_flags)) return "seccomp";
  execve(launch.path, launch.arguments, launch.environment);
  return "execve";
}

[[noreturn]] void become_hook(const Context& context, const Launch& launch) {
  const char* call = try_to_become_hook(context, launch);
  const char* description = strerror(errno);
  // "Permission denied", but "I/O error".
  const int first = islower(static_cast<unsigned char>(description[1])) != 0
                        ? tolower(static_cast<unsigned char>(description[0]))
                        : description[0];
  // Until all three are its own, its standard error may still be init's.
  const int words = std::strcmp(call, kStreamsCall) == 0 ? launch.output : STDERR_FILENO;
  dprintf(words, "%s: %c%s", call, first, description + 1);
  _exit(127);
}

Result<RunningHook> spawn_hook(const Context& context, const wire::RunHookStep& step) {
  char** arguments = TRY(pointers_to(step.args, 1));
  char** environment = TRY(pointers_to(step.env, 1));
  if (step.add_home != 0) environment[step.env.size()] = home_variable(step.home_uid);
  if (step.args.size() == 0) arguments[0] = const_cast<char*>(step.path);
  Pipe input = TRY(open_pipe());
  Pipe output = TRY(open_pipe());
  TRY_VOID(make_nonblocking(input.write_end));
  TRY_VOID(make_nonblocking(output.read_end));
  const Launch launch{
      step.path, arguments,   environment,      input.read_end.get(), output.write_end.get(),
      getpid(),  step.filter, step.filter_flags};
  const pid_t pid = fork();
  if (pid < 0) return Error::from_errno("fork");
  if (pid == 0) become_hook(context, launch);
  RunningHook hook;
  hook.pid = pid;
  hook.pidfd.reset(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  hook.stdin_pipe = std::move(input.write_end);
  hook.output_pipe = std::move(output.read_end);
  if (!hook.pidfd.is_open()) {
    const Error error = Error::from_errno("pidfd_open");
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    return error;
  }
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

/// Reads once; answers how much.
size_t drain(UniqueFd& pipe, Tail& tail) {
  char buffer[1024];
  const ssize_t got = read(pipe.get(), buffer, sizeof(buffer));
  if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) pipe.reset();
  if (got <= 0) return 0;
  tail.add(buffer, static_cast<size_t>(got));
  return static_cast<size_t>(got);
}

/// Takes what is in the pipe now. Not until its end: a daemon that the hook left behind may hold
/// the pipe for ever.
void drain_rest(UniqueFd& pipe, Tail& tail) {
  int available = 0;
  if (!pipe.is_open() || ioctl(pipe.get(), FIONREAD, &available) < 0) return;
  for (size_t got = 1; available > 0 && got > 0; available -= static_cast<int>(got)) {
    got = drain(pipe, tail);
  }
}

/// Waits for the hook; false when the time is up. What still holds its streams is not waited for.
Result<bool> attend(RunningHook& hook, const char* state, Tail& tail, uint64_t deadline_ns) {
  size_t left = std::strlen(state);
  while (true) {
    int wait_ms = -1;
    if (deadline_ns != 0) {
      const uint64_t now = Trace::now_ns();
      if (now >= deadline_ns) return false;
      const uint64_t left_ms = (deadline_ns - now) / 1'000'000 + 1;
      wait_ms = left_ms > INT_MAX ? INT_MAX : static_cast<int>(left_ms);
    }
    pollfd waits[3] = {{hook.pidfd.get(), POLLIN, 0},
                       {hook.stdin_pipe.get(), POLLOUT, 0},
                       {hook.output_pipe.get(), POLLIN, 0}};
    if (sys::retry_eintr([&] { return poll(waits, 3, wait_ms); }) < 0) {
      return Error::from_errno("poll");
    }
    if (waits[1].revents != 0) feed(hook.stdin_pipe, state, left);
    if (waits[2].revents != 0) drain(hook.output_pipe, tail);
    if (waits[0].revents != 0) {
      drain_rest(hook.output_pipe, tail);
      return true;
    }
  }
}

/// Callers look for these words in front of whatever kept a hook from running.
Error hook_error(const wire::RunHookStep& step, Error error) {
  const Error why = error;
  std::snprintf(error.detail, sizeof(error.detail), "error running %.40s hook #%u%s%.380s",
                step.kind, step.index, why.detail[0] == '\0' ? "" : ": ", why.detail);
  return error;
}

}  // namespace

Result<void> carry_out(Context& context, const wire::RunHookStep& step) {
  // The pid as the container sees it, which only init can know: runtime.md#state.
  const size_t room = std::strlen(step.state_before_pid) + std::strlen(step.state_after_pid) + 16;
  char* state = static_cast<char*>(malloc(room));
  if (state == nullptr) return hook_error(step, Error::from_errno("malloc"));
  std::snprintf(state, room, "%s%d%s", step.state_before_pid, getpid(), step.state_after_pid);

  // A hook may end without reading its input.
  signal(SIGPIPE, SIG_IGN);
  Result<RunningHook> spawned = spawn_hook(context, step);
  if (!spawned) return hook_error(step, spawned.error());
  RunningHook& hook = spawned.value();
  Tail tail;
  const uint64_t deadline_ns =
      step.timeout_seconds == 0 ? 0 : Trace::now_ns() + step.timeout_seconds * kNsPerSecond;
  Result<bool> ended = attend(hook, state, tail, deadline_ns);
  if (!ended || !ended.value()) {
    // The hook leads a group of its own: whatever it left there goes with it. Itself too, should it
    // not have come so far.
    kill(-hook.pid, SIGKILL);
    kill(hook.pid, SIGKILL);
  }
  int status = 0;
  if (sys::retry_eintr([&] { return waitpid(hook.pid, &status, 0); }) < 0 && ended) {
    ended = Error::from_errno("waitpid");
  }
  signal(SIGPIPE, SIG_DFL);
  free(state);

  if (!ended) return hook_error(step, ended.error());
  if (!ended.value()) {
    return Error::refusal("error running %s hook #%u: timed out after %u seconds, stderr: %s",
                          step.kind, step.index, step.timeout_seconds, tail.text());
  }
  if (WIFSIGNALED(status)) {
    char name[32];
    std::snprintf(name, sizeof(name), "%s", strsignal(WTERMSIG(status)));
    if (name[0] >= 'A' && name[0] <= 'Z') name[0] = static_cast<char>(name[0] - 'A' + 'a');
    return Error::refusal("error running %s hook #%u: signal: %s, stderr: %s", step.kind,
                          step.index, name, tail.text());
  }
  if (WEXITSTATUS(status) != 0) {
    return Error::refusal("error running %s hook #%u: exit status %d, stderr: %s", step.kind,
                          step.index, WEXITSTATUS(status), tail.text());
  }
  return {};
}

}  // namespace tsoci::init
