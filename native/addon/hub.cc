#include "addon/hub.h"

#include <limits.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <time.h>

#include <algorithm>
#include <array>

#include "addon/request.h"

namespace tsoci::addon {

using sys::Error;
using sys::Result;
using sys::UniqueFd;

namespace {

int64_t now_ms() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

/// No signal is delivered to a thread that knows nothing of the engine's handlers, and a write
/// nobody reads is EPIPE and nothing more.
Result<pthread_t> start_thread(void* (*run)(void*), void* argument) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, PTHREAD_STACK_MIN + size_t{64} * 1024);
  pthread_t thread;
  const int failed = pthread_create(&thread, &attributes, run, argument);
  pthread_attr_destroy(&attributes);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (failed == 0) return thread;
  errno = failed;
  return Error::from_errno("pthread_create", "to wait beside the event loop");
}

}  // namespace

Attended::Attended(Napi::Env env, const char* name)
    : promised_(Napi::Promise::Deferred::New(env)), settled_(Settled::New(env, name, 1, 1, this)) {}

/// In the JavaScript thread. Without an environment there is nobody to tell, and `abandon` has
/// taken it away.
void Attended::settle(Napi::Env env, Napi::Function, Attended* attended, void*) {
  if (env == nullptr) return;
  const std::unique_ptr<Attended> owned(attended);
  napi_remove_env_cleanup_hook(env, abandon, attended);
  if (attended->error_) {
    attended->promised_.Reject(make_error(env, *attended->error_).Value());
  } else {
    attended->promised_.Resolve(attended->outcome(env));
  }
}

/// Run when the environment ends before it is done.
void Attended::abandon(void* argument) {
  const std::unique_ptr<Attended> owned(static_cast<Attended*>(argument));
  Hub& hub = Hub::shared();
  const std::lock_guard<std::mutex> lock(hub.mutex_);
  hub.forget(*owned);
}

Hub& Hub::shared() {
  // Never destroyed: at the end of the process the thread may still be in it.
  static Hub& hub = *new Hub;
  return hub;
}

Result<Hub::Attending> Hub::take(std::unique_ptr<Attended> attended) {
  const Napi::Env env = attended->promised_.Env();
  const Napi::Promise promise = attended->promised_.Promise();
  Result<void> entered = enter(env);
  const std::lock_guard<std::mutex> lock(mutex_);
  if (entered) {
    attended->id_ = ++last_id_;
    attended_.emplace(attended->id_, attended.get());
    entered = attended->begin(*this);
  }
  if (!entered) {
    forget(*attended);
    attended->settled_.Release();
    return entered.error();
  }
  wake();
  // After `settled_` was made: the hooks run newest first, and nobody may call it by then.
  napi_add_env_cleanup_hook(env, Attended::abandon, attended.get());
  return Attending{attended.release()->id_, promise};
}

void Hub::end(uint64_t id) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = attended_.find(id);
  if (found == attended_.end()) return;
  found->second->end();
  again(*found->second);
  wake();
}

/// The thread runs as long as an environment is there that has asked for it: the engine takes the
/// addon out of memory with the last one.
Result<void> Hub::enter(napi_env env) {
  const std::lock_guard<std::mutex> lock(coming_and_going_);
  if (environments_.contains(env)) return {};
  if (environments_.empty()) TRY_VOID(start());
  environments_.insert(env);
  napi_add_env_cleanup_hook(
      env, [](void* ended) { shared().leave(static_cast<napi_env>(ended)); }, env);
  return {};
}

void Hub::leave(napi_env env) {
  const std::lock_guard<std::mutex> lock(coming_and_going_);
  environments_.erase(env);
  {
    // `finish` has let go of what it settled once the lock is free, and not before: an environment
    // that ends right after that takes its functions away next.
    const std::lock_guard<std::mutex> finished(mutex_);
    if (!environments_.empty()) return;
    stop_ = true;
    wake();
  }
  pthread_join(thread_, nullptr);
  epoll_.reset();
  wake_.reset();
}

Result<void> Hub::start() {
  stop_ = false;
  UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.is_open()) return Error::from_errno("epoll_create1");
  UniqueFd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.is_open()) return Error::from_errno("eventfd");
  epoll_event event{EPOLLIN, {.u64 = 0}};
  if (epoll_ctl(epoll.get(), EPOLL_CTL_ADD, wake.get(), &event) < 0) {
    return Error::from_errno("epoll_ctl", "eventfd");
  }
  epoll_ = std::move(epoll);
  wake_ = std::move(wake);
  const auto run_shared = [](void* hub) -> void* {
    static_cast<Hub*>(hub)->run();
    return nullptr;
  };
  thread_ = TRY(start_thread(run_shared, this));
  return {};
}

void Hub::wake() const {
  const uint64_t one = 1;
  // A counter that is full wakes as well.
  [[maybe_unused]] const ssize_t written = write(wake_.get(), &one, sizeof(one));
}

int Hub::wait_ms() const {
  if (!due_.empty()) return 0;
  if (deadlines_.empty()) return -1;
  return static_cast<int>(std::clamp<int64_t>(deadlines_.begin()->first - now_ms(), 0, INT_MAX));
}

void Hub::run() {
  std::array<epoll_event, 64> events;
  std::unique_lock<std::mutex> lock(mutex_);
  while (!stop_) {
    const int timeout_ms = wait_ms();
    lock.unlock();
    const int ready = epoll_wait(epoll_.get(), events.data(), events.size(), timeout_ms);
    lock.lock();
    // Those from before, so that whoever wants another turn gets it after all others.
    std::vector<uint64_t> ids;
    ids.swap(due_);
    for (int index = 0; index < ready; ++index) ids.push_back(events[index].data.u64);
    for (const uint64_t id : ids) {
      attend_to(id);
      // An event loop that wants to add something does not wait for all the others.
      lock.unlock();
      lock.lock();
    }
    attend_to_expired();
  }
}

void Hub::attend_to(uint64_t id) {
  if (id == 0) {
    uint64_t count;
    [[maybe_unused]] const ssize_t size = read(wake_.get(), &count, sizeof(count));
    return;
  }
  // What is done meanwhile is here no more, and its number is never given again.
  const auto found = attended_.find(id);
  if (found == attended_.end()) return;
  Attended& attended = *found->second;
  fail_on_error(attended, attended.attend(*this));
}

void Hub::fail_on_error(Attended& attended, const Result<void>& result) {
  if (result) return;
  attended.error_ = result.error();
  finish(attended);
}

void Hub::attend_to_expired() {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now_ms()) {
    const uint64_t id = deadlines_.begin()->second;
    deadlines_.erase(deadlines_.begin());
    attend_to(id);
  }
}

Result<void> Hub::arm(Attended& attended, int fd, uint32_t events) {
  // Once: a side that nothing is wanted of would report its end without end.
  epoll_event event{events | EPOLLONESHOT, {.u64 = attended.id_}};
  std::vector<int>& armed = attended.armed_;
  const bool known = std::find(armed.begin(), armed.end(), fd) != armed.end();
  if (epoll_ctl(epoll_.get(), known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) == 0) {
    if (!known) armed.push_back(fd);
    return {};
  }
  if (errno != EPERM) return Error::from_errno("epoll_ctl", "descriptor %d", fd);
  again(attended);
  return {};
}

void Hub::expire(Attended& attended, int timeout_ms) {
  deadlines_.emplace(now_ms() + timeout_ms, attended.id_);
}

void Hub::finish(Attended& attended) {
  forget(attended);
  // From the call on it belongs to the other thread, which may destroy it at once.
  const Attended::Settled settled = attended.settled_;
  settled.BlockingCall();
  settled.Release();
}

void Hub::forget(Attended& attended) {
  attended_.erase(attended.id_);
  std::erase_if(deadlines_, [&](const Deadline& each) { return each.second == attended.id_; });
  for (const int fd : attended.armed_) epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  attended.armed_.clear();
}

}  // namespace tsoci::addon
