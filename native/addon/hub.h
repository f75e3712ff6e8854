// One thread for all that is waited for beside the event loops of this process.
#ifndef TSOCI_NATIVE_ADDON_HUB_H_
#define TSOCI_NATIVE_ADDON_HUB_H_

#include <napi.h>
#include <pthread.h>
#include <sys/epoll.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "sys/fd.h"
#include "sys/result.h"

namespace tsoci::addon {

class Hub;

/// Something that the hub attends to until it is done, and the promise that says so. Made and
/// destroyed in the thread of its environment, attended to in the hub's: never at once, because the
/// hub's lock is held for both.
class Attended {
 public:
  /// `name` is what debuggers show.
  Attended(Napi::Env env, const char* name);
  virtual ~Attended() = default;
  Attended(const Attended&) = delete;
  Attended& operator=(const Attended&) = delete;

 protected:
  /// Arms the hub for the first time.
  virtual sys::Result<void> begin(Hub& hub) = 0;
  /// What was armed is ready, or its time has passed. Never blocks for another process.
  virtual sys::Result<void> attend(Hub& hub) = 0;
  /// It is told to end, and is attended to next.
  virtual void end() {}
  /// What the promise resolves to, in the thread of the environment.
  virtual Napi::Value outcome(Napi::Env env) = 0;

 private:
  friend class Hub;
  static void settle(Napi::Env env, Napi::Function, Attended* attended, void*);
  static void abandon(void* argument);
  using Settled = Napi::TypedThreadSafeFunction<Attended, void, settle>;

  Napi::Promise::Deferred promised_;
  Settled settled_;
  std::optional<sys::Error> error_;
  uint64_t id_ = 0;
  /// What epoll(7) knows of it: the kernel would keep reporting what somebody else has open too.
  std::vector<int> armed_;
};

class Hub {
 public:
  /// The one of the process.
  static Hub& shared();

  /// Takes it over, in the thread of its environment: its id and its promise. The event loop stays
  /// alive until it is done; when the environment ends before, it is dropped.
  struct Attending {
    uint64_t id;
    Napi::Promise promise;
  };
  sys::Result<Attending> take(std::unique_ptr<Attended> attended);
  /// Tells what has this id to end; nothing when it is done already.
  void end(uint64_t id);

  // For what is attended to, from its own functions:

  /// Attends to it once when `fd` has one of these events. What epoll(7) does not know is always
  /// ready.
  sys::Result<void> arm(Attended& attended, int fd, uint32_t events);
  /// Attends to it once after so many milliseconds.
  void expire(Attended& attended, int timeout_ms);
  /// Attends to it after the others had their turn.
  void again(const Attended& attended) { due_.push_back(attended.id_); }
  /// Settles its promise, and attends to it no more.
  void finish(Attended& attended);

 private:
  friend class Attended;
  using Deadline = std::pair<int64_t, uint64_t>;

  sys::Result<void> enter(napi_env env);
  void leave(napi_env env);
  sys::Result<void> start();
  void run();
  void attend_to(uint64_t id);
  void fail_on_error(Attended& attended, const sys::Result<void>& result);
  void attend_to_expired();
  void forget(Attended& attended);
  void wake() const;
  int wait_ms() const;

  /// Held while the thread comes or goes; taken before the other, and never by the thread.
  std::mutex coming_and_going_;
  std::set<napi_env> environments_;
  /// Held for all below.
  std::mutex mutex_;
  sys::UniqueFd epoll_;
  sys::UniqueFd wake_;  ///< An eventfd, known to epoll(7) under the id 0.
  pthread_t thread_{};
  bool stop_ = false;
  uint64_t last_id_ = 0;
  std::map<uint64_t, Attended*> attended_;
  std::set<Deadline> deadlines_;
  std::vector<uint64_t> due_;
};

}  // namespace tsoci::addon

#endif  // TSOCI_NATIVE_ADDON_HUB_H_
