// Waits for the end of a process beside the event loop.
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>

#include <array>
#include <memory>
#include <optional>

#include "addon/functions.h"
#include "addon/request.h"
#include "sys/fd.h"

namespace tsoci::addon {
namespace {

using sys::Error;
using sys::Result;
using sys::UniqueFd;

struct Wait;
void settle(Napi::Env env, Napi::Function, Wait* wait, void*);
using Settled = Napi::TypedThreadSafeFunction<Wait, void, settle>;

/// One wait, in a thread of its own. Not one of the engine's few pool threads: a wait may last as
/// long as a container, and four of them would stop every asynchronous file operation.
struct Wait {
  explicit Wait(Napi::Env env) : promised(Napi::Promise::Deferred::New(env)) {}

  Napi::Promise::Deferred promised;
  UniqueFd pidfd;
  UniqueFd cancel;  ///< An eventfd: the environment ends before the process does.
  int timeout_ms = -1;
  pthread_t thread{};
  Settled settled;

  bool has_ended = false;
  std::optional<Error> error;
};

/// A process ends once, and once is how often the thread reports.
void* wait_in_thread(void* argument) {
  Wait& wait = *static_cast<Wait*>(argument);
  std::array<pollfd, 2> polled{{{wait.pidfd.get(), POLLIN, 0}, {wait.cancel.get(), POLLIN, 0}}};
  const int ready =
      sys::retry_eintr([&] { return poll(polled.data(), polled.size(), wait.timeout_ms); });
  if (ready < 0) wait.error = Error::from_errno("poll", "pidfd");
  if (ready > 0 && polled[1].revents != 0) return nullptr;
  wait.has_ended = ready > 0;
  wait.settled.BlockingCall();
  wait.settled.Release();
  return nullptr;
}

/// Run when the environment ends while the wait goes on: the thread must not outlive it.
void abandon(void* argument) {
  const std::unique_ptr<Wait> wait(static_cast<Wait*>(argument));
  const uint64_t one = 1;
  // The counter of an eventfd that is written once cannot be full.
  [[maybe_unused]] const ssize_t written = write(wait->cancel.get(), &one, sizeof(one));
  pthread_join(wait->thread, nullptr);
}

/// In the JavaScript thread. Without an environment there is nobody to tell, and `abandon` has
/// taken the wait away.
void settle(Napi::Env env, Napi::Function, Wait* wait, void*) {
  if (env == nullptr) return;
  const std::unique_ptr<Wait> owned(wait);
  // It has only to let go of `settled`.
  pthread_join(wait->thread, nullptr);
  napi_remove_env_cleanup_hook(env, abandon, wait);
  if (wait->error) {
    wait->promised.Reject(make_error(env, *wait->error).Value());
  } else {
    wait->promised.Resolve(Napi::Boolean::New(env, wait->has_ended));
  }
}

/// No signal is delivered to a thread that knows nothing of the engine's handlers.
Result<void> start_thread(Wait& wait) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, PTHREAD_STACK_MIN + size_t{64} * 1024);
  const int failed = pthread_create(&wait.thread, &attributes, wait_in_thread, &wait);
  pthread_attr_destroy(&attributes);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (failed == 0) return {};
  errno = failed;
  return Error::from_errno("pthread_create", "to wait for a process");
}

}  // namespace

Napi::Value wait_pidfd_async(const Napi::CallbackInfo& info) {
  Request request(info);
  const int pidfd = static_cast<int>(request.number("pidfd"));
  const int timeout_ms = static_cast<int>(request.number("timeoutMs"));
  if (!request.ok()) return info.Env().Undefined();
  auto wait = std::make_unique<Wait>(info.Env());
  wait->timeout_ms = timeout_ms;
  // A copy: the caller may close its own at any time.
  wait->pidfd.reset(fcntl(pidfd, F_DUPFD_CLOEXEC, 0));
  if (!wait->pidfd.is_open()) return throw_error(info.Env(), Error::from_errno("fcntl", "pidfd"));
  wait->cancel.reset(eventfd(0, EFD_CLOEXEC));
  if (!wait->cancel.is_open()) return throw_error(info.Env(), Error::from_errno("eventfd"));
  wait->settled = Settled::New(info.Env(), "waitPidfdAsync", 1, 1, wait.get());
  if (const auto started = start_thread(*wait); !started) {
    wait->settled.Release();
    return throw_error(info.Env(), started.error());
  }
  // After `settled` was made: the hooks run newest first, and the thread has to be gone by then.
  napi_add_env_cleanup_hook(info.Env(), abandon, wait.get());
  return wait.release()->promised.Promise();
}

}  // namespace tsoci::addon
