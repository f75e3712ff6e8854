// Runs a hook of the runtime's namespaces: the state on its standard input, a deadline, and its
// last words for the error message.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>

#include <algorithm>
#include <array>

#include "addon/child.h"
#include "addon/functions.h"
#include "addon/program.h"
#include "addon/request.h"
#include "sys/fd.h"

namespace tsoci::addon {
namespace {

using sys::Error;
using sys::Result;
using sys::UniqueFd;

constexpr size_t kTailBytes = 4096;

struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
};

Result<Pipe> open_pipe() {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) < 0) return Error::from_errno("pipe2", "for a hook");
  return Pipe{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

Result<void> make_nonblocking(const UniqueFd& fd) {
  // The other end is another open file, so the hook's own end keeps blocking.
  if (fcntl(fd.get(), F_SETFL, O_NONBLOCK) < 0) return Error::from_errno("fcntl", "F_SETFL");
  return {};
}

/// The last bytes of a stream: enough to say why a hook failed, however much it talks.
class Tail {
 public:
  /// Reads once. False when the stream has ended.
  bool read_from(int fd, size_t limit) {
    char buffer[kTailBytes];
    const ssize_t count =
        sys::retry_eintr([&] { return read(fd, buffer, std::min(limit, sizeof(buffer))); });
    if (count < 0) return errno == EAGAIN;
    text_.append(buffer, static_cast<size_t>(count));
    if (text_.size() > kTailBytes) text_.erase(0, text_.size() - kTailBytes);
    return count > 0;
  }

  /// Takes what is in the pipe now. Not until its end: a daemon that the hook left behind may hold
  /// the pipe for ever.
  void take_rest(int fd) {
    int available = 0;
    if (ioctl(fd, FIONREAD, &available) < 0) return;
    while (available > 0) {
      const size_t chunk = std::min(static_cast<size_t>(available), kTailBytes);
      if (!read_from(fd, chunk)) return;
      available -= static_cast<int>(chunk);
    }
  }

  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

/// Keeps SIGPIPE from this thread: a hook that does not read its input is no error.
class WithoutSigpipe {
 public:
  WithoutSigpipe() {
    sigemptyset(&pipe_signal_);
    sigaddset(&pipe_signal_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_signal_, &previous_);
  }
  ~WithoutSigpipe() {
    const timespec now{};
    while (sigtimedwait(&pipe_signal_, nullptr, &now) == SIGPIPE) continue;
    pthread_sigmask(SIG_SETMASK, &previous_, nullptr);
  }
  WithoutSigpipe(const WithoutSigpipe&) = delete;
  WithoutSigpipe& operator=(const WithoutSigpipe&) = delete;

 private:
  sigset_t pipe_signal_;
  sigset_t previous_;
};

int64_t monotonic_ms() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

struct Talk {
  UniqueFd input;
  UniqueFd output;
  UniqueFd errors;
  std::span<const uint8_t> unsent;
  Tail output_tail;
  Tail error_tail;

  void send_some() {
    const ssize_t count =
        sys::retry_eintr([&] { return write(input.get(), unsent.data(), unsent.size()); });
    if (count >= 0) {
      unsent = unsent.subspan(static_cast<size_t>(count));
    } else if (errno != EAGAIN) {
      unsent = {};
    }
    // Closed as soon as all is said, or the hook would wait for the end of its input.
    if (unsent.empty()) input.reset();
  }
};

/// Feeds and hears the hook until it has ended. False when the deadline passed first.
Result<bool> attend(Talk& talk, const ChildProcess& child, int64_t timeout_ms) {
  const WithoutSigpipe without_sigpipe;
  const int64_t deadline = monotonic_ms() + timeout_ms;
  if (talk.unsent.empty()) talk.input.reset();
  for (;;) {
    std::array<pollfd, 4> watched{{{child.pidfd.get(), POLLIN, 0},
                                   {talk.input.get(), POLLOUT, 0},
                                   {talk.output.get(), POLLIN, 0},
                                   {talk.errors.get(), POLLIN, 0}}};
    const int64_t left_ms = std::clamp<int64_t>(deadline - monotonic_ms(), 0, INT32_MAX);
    const int ready =
        poll(watched.data(), watched.size(), timeout_ms < 0 ? -1 : static_cast<int>(left_ms));
    if (ready < 0 && errno != EINTR) return Error::from_errno("poll", "for a hook");
    if (ready < 0) continue;
    if (watched[1].revents != 0) talk.send_some();
    if (watched[0].revents != 0) {
      if (talk.output.is_open()) talk.output_tail.take_rest(talk.output.get());
      if (talk.errors.is_open()) talk.error_tail.take_rest(talk.errors.get());
      return true;
    }
    if (watched[2].revents != 0 && !talk.output_tail.read_from(talk.output.get(), kTailBytes)) {
      talk.output.reset();
    }
    if (watched[3].revents != 0 && !talk.error_tail.read_from(talk.errors.get(), kTailBytes)) {
      talk.errors.reset();
    }
    if (timeout_ms >= 0 && monotonic_ms() >= deadline) return false;
  }
}

struct Outcome {
  siginfo_t ended{};
  bool timed_out = false;
  Talk talk;
};

Result<Outcome> run(Program& hook, std::span<const uint8_t> input, int64_t timeout_ms) {
  Pipe input_pipe = TRY(open_pipe());
  Pipe output_pipe = TRY(open_pipe());
  Pipe error_pipe = TRY(open_pipe());
  TRY_VOID(make_nonblocking(input_pipe.write_end));
  TRY_VOID(make_nonblocking(output_pipe.read_end));
  TRY_VOID(make_nonblocking(error_pipe.read_end));
  hook.fds = {input_pipe.read_end.get(), output_pipe.write_end.get(), error_pipe.write_end.get()};
  const ChildProcess child = TRY(start(hook));
  // Ours would hide the end of file from both sides.
  input_pipe.read_end.reset();
  output_pipe.write_end.reset();
  error_pipe.write_end.reset();

  Outcome outcome;
  outcome.talk.input = std::move(input_pipe.write_end);
  outcome.talk.output = std::move(output_pipe.read_end);
  outcome.talk.errors = std::move(error_pipe.read_end);
  outcome.talk.unsent = input;
  Result<bool> ended = attend(outcome.talk, child, timeout_ms);
  outcome.timed_out = ended && !ended.value();
  // It is not reaped yet, so its number cannot be anyone else's group.
  if (!ended || outcome.timed_out) kill(-child.pid, SIGKILL);
  const int waited = sys::retry_eintr(
      [&] { return waitid(P_PIDFD, child.pidfd.get(), &outcome.ended, WEXITED | __WALL); });
  if (!ended) return ended.error();
  if (waited < 0) return Error::from_errno("waitid", "hook \"%s\"", hook.path.c_str());
  return outcome;
}

}  // namespace

Napi::Value run_hook(const Napi::CallbackInfo& info) {
  Request request(info);
  Program hook;
  hook.path = request.string("path");
  hook.args = request.strings("args");
  hook.env = request.strings("env");
  hook.cwd = request.string("cwd");
  hook.nofile_soft = request.unsigned64("nofileSoft");
  // A timeout kills the whole group, and no hook reads the caller's terminal.
  hook.own_session = true;
  const std::span<const uint8_t> input = request.bytes("stdin");
  const int64_t timeout_ms = request.number("timeoutMs");
  if (!request.ok()) return info.Env().Undefined();

  Result<Outcome> result = run(hook, input, timeout_ms);
  if (!result) return throw_error(info.Env(), result.error());

  const Outcome& outcome = result.value();
  Napi::Object reply = reply_of_end(info.Env(), outcome.ended);
  reply.Set("timedOut", Napi::Boolean::New(info.Env(), outcome.timed_out));
  reply.Set("stdout", outcome.talk.output_tail.text());
  reply.Set("stderr", outcome.talk.error_tail.text());
  return reply;
}

}  // namespace tsoci::addon
