// Attends a foreground container: forwards signals, copies its terminal, and says how it ended.
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <memory>

#include "addon/child.h"
#include "addon/functions.h"
#include "addon/notify.h"
#include "addon/request.h"
#include "addon/terminal.h"
#include "sys/fd.h"

namespace tsoci::addon {
namespace {

using sys::Error;
using sys::Result;
using sys::UniqueFd;

constexpr int kLastSignal = 64;

/// Signals that stay with us: the first two cannot be caught. SIGPIPE is ignored separately, SIGURG
/// is the business of the engine, and the last two are about our own use of the caller's terminal.
constexpr int kNotOurs[] = {SIGKILL, SIGSTOP, SIGPIPE, SIGURG, SIGTTIN, SIGTTOU};
/// What a fault of our own raises; it must reach the engine, whose handlers may repair it.
constexpr int kFaults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS};

template <size_t count>
bool contains(const int (&list)[count], int signal) {
  return std::find(std::begin(list), std::end(list), signal) != std::end(list);
}

// A handler has no argument of ours, so what it needs is here. One supervision at a time.
int wake_fd = -1;
std::array<struct sigaction, kLastSignal + 1> engine_actions;

/// True for a signal that our own process sent itself: a fault, abort(3), or what a garbage
/// collector uses to stop a thread.
bool is_from_ourselves(const siginfo_t& info) {
  if (contains(kFaults, info.si_signo) && info.si_code > 0) return true;
  return info.si_code == SI_TKILL && info.si_pid == getpid();
}

void give_to_engine(int signal, siginfo_t* info, void* context) {
  const struct sigaction& action = engine_actions[static_cast<size_t>(signal)];
  if ((action.sa_flags & SA_SIGINFO) != 0) {
    action.sa_sigaction(signal, info, context);
  } else if (action.sa_handler == SIG_DFL) {
    // It comes again as soon as we return: a fault by itself, any other because we raise it.
    sigaction(signal, &action, nullptr);
    if (info->si_code == SI_TKILL) raise(signal);
  } else if (action.sa_handler != SIG_IGN) {
    action.sa_handler(signal);
  }
}

void on_signal(int signal, siginfo_t* info, void* context) {
  const int saved_errno = errno;
  if (is_from_ourselves(*info)) {
    give_to_engine(signal, info, context);
  } else {
    const auto byte = static_cast<uint8_t>(signal);
    // A full pipe means that thousands are waiting already.
    [[maybe_unused]] const ssize_t written = write(wake_fd, &byte, 1);
  }
  errno = saved_errno;
}

template <typename Each>
void for_each_signal(Each each) {
  for (int signal = 1; signal <= kLastSignal; ++signal) {
    // Between the two are those that libc keeps to itself.
    const bool internal = signal > SIGSYS && signal < SIGRTMIN;
    if (!internal && !contains(kNotOurs, signal)) each(signal);
  }
}

/// What was blocked before `hold_signals`.
std::optional<sigset_t> mask_before_hold;

/// Turns signals of the process into bytes of a pipe. By handlers and not by signalfd: the engine
/// has threads that block nothing, and the kernel would deliver there, with the default action.
class SignalWatch {
 public:
  static Result<std::unique_ptr<SignalWatch>> begin() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) return Error::from_errno("pipe2", "for signals");
    return std::unique_ptr<SignalWatch>(new SignalWatch(UniqueFd(ends[0]), UniqueFd(ends[1])));
  }

  ~SignalWatch() {
    for_each_signal([](int signal) {
      sigaction(signal, &engine_actions[static_cast<size_t>(signal)], nullptr);
    });
    sigaction(SIGPIPE, &engine_actions[SIGPIPE], nullptr);
    pthread_sigmask(SIG_SETMASK, &engine_mask_, nullptr);
    wake_fd = -1;
  }
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

  int fd() const { return read_end_.get(); }

  /// Calls `each` with every signal that has come.
  template <typename Each>
  void take(Each each) const {
    std::array<uint8_t, 64> signals;
    ssize_t count;
    while ((count = read(read_end_.get(), signals.data(), signals.size())) > 0) {
      for (ssize_t index = 0; index < count; ++index)
        each(int{signals[static_cast<size_t>(index)]});
    }
  }

 private:
  SignalWatch(UniqueFd read_end, UniqueFd write_end)
      : read_end_(std::move(read_end)), write_end_(std::move(write_end)) {
    wake_fd = write_end_.get();
    sigset_t watched;
    sigemptyset(&watched);
    for_each_signal([&](int signal) {
      struct sigaction& engine_action = engine_actions[static_cast<size_t>(signal)];
      sigaction(signal, nullptr, &engine_action);
      struct sigaction ours {};
      ours.sa_sigaction = on_signal;
      ours.sa_mask = engine_action.sa_mask;
      ours.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
      sigaction(signal, &ours, nullptr);
      sigaddset(&watched, signal);
    });
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &ignore, &engine_actions[SIGPIPE]);
    // The caller may have blocked them all; a blocked signal would never be forwarded.
    pthread_sigmask(SIG_UNBLOCK, &watched, &engine_mask_);
    if (mask_before_hold) engine_mask_ = *mask_before_hold;
    mask_before_hold.reset();
  }

  UniqueFd read_end_;
  UniqueFd write_end_;
  sigset_t engine_mask_;
};

/// The process behind a pidfd, from /proc: there is no system call for it before Linux 6.13.
Result<pid_t> pid_of(int pidfd) {
  const std::string path = "/proc/self/fdinfo/" + std::to_string(pidfd);
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.is_open()) return Error::from_errno("open", "\"%s\"", path.c_str());
  std::array<char, 512> text{};
  if (sys::retry_eintr([&] { return read(fd.get(), text.data(), text.size() - 1); }) < 0) {
    return Error::from_errno("read", "\"%s\"", path.c_str());
  }
  const char* line = strstr(text.data(), "\nPid:");
  const long pid = line == nullptr ? 0 : strtol(line + strlen("\nPid:"), nullptr, 10);
  if (pid > 0) return static_cast<pid_t>(pid);
  return Error::refusal("descriptor %d is not a pidfd of a process that we could wait for", pidfd);
}

struct Supervised {
  int pidfd;
  pid_t pid;
  bool reap_strays;
};

/// Reaps what was left to us as subreaper, but never the container: its status is asked for by
/// pidfd. Should it be first in the line, the rest waits until it has been.
void reap_strays(const Supervised& container) {
  if (!container.reap_strays) return;
  for (;;) {
    siginfo_t ended{};
    if (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) < 0) return;
    if (ended.si_pid == 0 || ended.si_pid == container.pid) return;
    waitid(P_PID, static_cast<id_t>(ended.si_pid), &ended, WEXITED | WNOHANG);
  }
}

void forward(const Supervised& container, Console* console, int signal) {
  switch (signal) {
    case SIGCHLD:
      return reap_strays(container);
    case SIGWINCH:
      if (console != nullptr) console->resize();
      return;
    case SIGCONT:
      if (console != nullptr) console->resume();
      break;
    default:
      break;
  }
  // What cannot be delivered (it has just ended) is no reason to leave it alone.
  syscall(SYS_pidfd_send_signal, container.pidfd, signal, nullptr, 0);
}

Result<void> wait_for_events(pollfd* polled, size_t count) {
  if (poll(polled, count, -1) >= 0) return {};
  // After a failed poll the answers are those of an earlier one.
  for (size_t index = 0; index < count; ++index) polled[index].revents = 0;
  if (errno == EINTR) return {};
  return Error::from_errno("poll", "of a foreground container");
}

/// Passes on that the program is ready. What cannot be told to the service manager ends nothing;
/// the first of it is for the reply.
void pass_on_ready(ReadyRelay& relay, std::string& unheard) {
  const auto taken = relay.take();
  if (!taken && unheard.empty()) unheard = describe(taken.error());
}

Result<void> attend(const Supervised& container, const SignalWatch& watch, Console* console,
                    ReadyRelay* relay, std::string& unheard) {
  std::array<pollfd, 3 + Console::kPolled> polled;
  for (;;) {
    polled[0] = {watch.fd(), POLLIN, 0};
    polled[1] = {container.pidfd, POLLIN, 0};
    polled[2] = relay != nullptr ? relay->readable() : pollfd{-1, 0, 0};
    if (console != nullptr) console->add_to(&polled[3]);
    TRY_VOID(wait_for_events(polled.data(), console == nullptr ? 3 : polled.size()));
    watch.take([&](int signal) { forward(container, console, signal); });
    if (console != nullptr) console->copy(&polled[3]);
    // Once more when it has ended: saying that it is ready may have been the last that it did.
    if (relay != nullptr) pass_on_ready(*relay, unheard);
    if (polled[1].revents != 0) return {};
  }
}

/// Whether a signal has come that would have gone to the container, and tells us not to wait now
/// that there is none.
bool is_told_to_end(const Supervised& container, const SignalWatch& watch, Console* console) {
  bool told_to_end = false;
  watch.take([&](int signal) {
    const bool harmless = signal == SIGWINCH || signal == SIGCHLD || signal == SIGCONT;
    if (harmless) forward(container, console, signal);
    told_to_end |= !harmless;
  });
  return told_to_end;
}

/// Writes out what the program said last. A reader may never come for it, so a signal that would
/// have gone to the container ends the wait.
Result<void> finish(const Supervised& container, const SignalWatch& watch, Console& console) {
  while (const std::optional<pollfd> writable = console.drain()) {
    std::array<pollfd, 2> polled{*writable, {watch.fd(), POLLIN, 0}};
    TRY_VOID(wait_for_events(polled.data(), polled.size()));
    if (is_told_to_end(container, watch, &console)) break;
  }
  return {};
}

/// Gives the service manager time to take note that the program was ready, while we are there.
Result<void> wait_for_answer(const Supervised& container, const SignalWatch& watch,
                             const ReadyRelay& relay) {
  while (const std::optional<pollfd> unanswered = relay.unanswered()) {
    const int remaining_ms = relay.remaining_ms();
    std::array<pollfd, 2> polled{*unanswered, {watch.fd(), POLLIN, 0}};
    if (remaining_ms == 0) break;
    if (poll(polled.data(), polled.size(), remaining_ms) < 0 && errno != EINTR) {
      return Error::from_errno("poll", "for the service manager's answer");
    }
    if (is_told_to_end(container, watch, nullptr)) break;
  }
  return {};
}

struct Streams {
  int master_fd;
  int notify_fd;
  int host_fd;
};

Result<siginfo_t> supervise(int pidfd, const Streams& streams, std::string& unheard) {
  int is_subreaper = 0;
  prctl(PR_GET_CHILD_SUBREAPER, &is_subreaper);
  const Supervised container{pidfd, TRY(pid_of(pidfd)), is_subreaper != 0};
  const std::unique_ptr<SignalWatch> watch = TRY(SignalWatch::begin());
  std::unique_ptr<Console> console;
  if (streams.master_fd >= 0) console = TRY(Console::attend(streams.master_fd));
  // We stay as long as the program does, and are the process that the manager is to watch.
  ReadyRelay relay(streams.notify_fd, streams.host_fd, getpid());
  ReadyRelay* const attended_relay = streams.notify_fd >= 0 ? &relay : nullptr;
  TRY_VOID(attend(container, *watch, console.get(), attended_relay, unheard));
  if (console) TRY_VOID(finish(container, *watch, *console));
  TRY_VOID(wait_for_answer(container, *watch, relay));

  siginfo_t ended{};
  const int waited = sys::retry_eintr(
      [&] { return waitid(P_PIDFD, static_cast<id_t>(pidfd), &ended, WEXITED | __WALL); });
  if (waited < 0) return Error::from_errno("waitid", "container's init, process %d", container.pid);
  reap_strays(container);
  return ended;
}

}  // namespace

Napi::Value supervise_foreground(const Napi::CallbackInfo& info) {
  Request request(info);
  const int pidfd = static_cast<int>(request.number("pidfd"));
  const int master_fd = static_cast<int>(request.number("masterFd"));
  const int notify_fd = static_cast<int>(request.number("notifyFd"));
  const int host_fd = static_cast<int>(request.number("hostFd"));
  if (!request.ok()) return info.Env().Undefined();
  std::string unheard;
  Result<siginfo_t> ended = supervise(pidfd, {master_fd, notify_fd, host_fd}, unheard);
  if (!ended) return throw_error(info.Env(), ended.error());
  Napi::Object reply = reply_of_end(info.Env(), ended.value());
  reply.Set("unheard", unheard);
  return reply;
}

Napi::Value prepare_console(const Napi::CallbackInfo& info) {
  Request request(info);
  const int master_fd = static_cast<int>(request.number("masterFd"));
  if (!request.ok()) return info.Env().Undefined();
  if (auto prepared = prepare_master(master_fd); !prepared) {
    return throw_error(info.Env(), prepared.error());
  }
  return info.Env().Undefined();
}

Napi::Value hold_signals(const Napi::CallbackInfo& info) {
  sigset_t held;
  sigemptyset(&held);
  for_each_signal([&](int signal) { sigaddset(&held, signal); });
  sigset_t before;
  pthread_sigmask(SIG_BLOCK, &held, &before);
  mask_before_hold = before;
  return info.Env().Undefined();
}

Napi::Value become_subreaper(const Napi::CallbackInfo& info) {
  if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0) {
    return throw_error(info.Env(), Error::from_errno("prctl", "PR_SET_CHILD_SUBREAPER"));
  }
  return info.Env().Undefined();
}

}  // namespace tsoci::addon
