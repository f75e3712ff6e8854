// Waits beside the event loop until a descriptor is readable: a process has ended, a cgroup tells.
#include <fcntl.h>
#include <poll.h>

#include "addon/functions.h"
#include "addon/hub.h"
#include "addon/request.h"
#include "sys/fd.h"

namespace tsoci::addon {
namespace {

using sys::Error;
using sys::Result;
using sys::UniqueFd;

class Wait : public Attended {
 public:
  Wait(Napi::Env env, UniqueFd fd, int timeout_ms)
      : Attended(env, "waitReadableAsync"), fd_(std::move(fd)), timeout_ms_(timeout_ms) {}

 protected:
  Result<void> begin(Hub& hub) override {
    if (timeout_ms_ >= 0) hub.expire(*this, timeout_ms_);
    return hub.arm(*this, fd_.get(), EPOLLIN);
  }

  Result<void> attend(Hub& hub) override {
    // Asked once more: it may be its time that has passed.
    pollfd polled{fd_.get(), POLLIN, 0};
    const int ready = sys::retry_eintr([&] { return poll(&polled, 1, 0); });
    if (ready < 0) return Error::from_errno("poll", "descriptor %d", fd_.get());
    is_ready_ = ready > 0;
    hub.finish(*this);
    return {};
  }

  Napi::Value outcome(Napi::Env env) override { return Napi::Boolean::New(env, is_ready_); }

 private:
  UniqueFd fd_;
  int timeout_ms_;
  bool is_ready_ = false;
};

}  // namespace

Napi::Value wait_readable_async(const Napi::CallbackInfo& info) {
  Request request(info);
  const int fd = static_cast<int>(request.number("fd"));
  const int timeout_ms = static_cast<int>(request.number("timeoutMs"));
  if (!request.ok()) return info.Env().Undefined();
  // A copy: the caller may close its own at any time.
  UniqueFd own(fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!own.is_open()) {
    return throw_error(info.Env(), Error::from_errno("fcntl", "descriptor %d", fd));
  }
  auto taken = Hub::shared().take(std::make_unique<Wait>(info.Env(), std::move(own), timeout_ms));
  if (!taken) return throw_error(info.Env(), taken.error());
  return taken.value().promise;
}

}  // namespace tsoci::addon
