// Copies a container's terminal, or what it writes, from one descriptor to another.
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>

#include <algorithm>

#include "addon/functions.h"
#include "addon/hub.h"
#include "addon/request.h"
#include "addon/stream.h"

namespace tsoci::addon {
namespace {

using sys::Error;
using sys::Result;

/// A terminal's two buffers, of which FIONREAD tells only one.
constexpr int kMostInTerminal = 128 * 1024;

class Copy : public Attended {
 public:
  Copy(Napi::Env env, Channel channel, bool is_ready)
      : Attended(env, "startCopy"), channel_(std::move(channel)), is_ready_(is_ready) {}

 protected:
  Result<void> begin(Hub& hub) override {
    // At once only if there is something: a fifo that nobody writes to yet says end of file.
    if (!is_ready_) return hub.arm(*this, channel_.source(), EPOLLIN);
    hub.again(*this);
    return {};
  }

  Result<void> attend(Hub& hub) override {
    // So much, and then it is the turn of others.
    constexpr int kRounds = 16;
    for (int round = 0; round < kRounds; ++round) {
      channel_.flush();
      if (channel_.is_sink_gone()) return finish(hub);
      if (!channel_.is_empty()) return hub.arm(*this, channel_.writable().fd, EPOLLOUT);
      if (channel_.is_ended() || is_all_copied()) return finish(hub);
      if (!channel_.fill()) {
        if (channel_.is_ended() || left_) return finish(hub);
        return hub.arm(*this, channel_.source(), EPOLLIN);
      }
      if (left_) left_ = *left_ - static_cast<int64_t>(channel_.pending_bytes());
    }
    hub.again(*this);
    return {};
  }

  /// Only what can be read now is still copied; the second time, not even that.
  void end() override {
    if (left_) return channel_.drop();
    int there = 0;
    ioctl(channel_.source(), FIONREAD, &there);
    left_ = std::max(there, kMostInTerminal);
  }

  Napi::Value outcome(Napi::Env env) override { return env.Undefined(); }

 private:
  bool is_all_copied() const { return left_ && *left_ <= 0; }

  Result<void> finish(Hub& hub) {
    for (const auto& [number, call] :
         {std::pair{channel_.read_error(), "read"}, std::pair{channel_.write_error(), "write"}}) {
      errno = number;
      if (number != 0) return Error::from_errno(call, "copied stream");
    }
    hub.finish(*this);
    return {};
  }

  Channel channel_;
  bool is_ready_;
  /// Bytes still to be read, once it has been told to end.
  std::optional<int64_t> left_;
};

/// The master of a terminal is ours alone, so its flags are too.
Result<void> unblock_master(int fd) {
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
    return Error::from_errno("fcntl", "O_NONBLOCK on descriptor %d", fd);
  }
  return {};
}

Result<Hub::Attending> start(Napi::Env env, int from_fd, int to_fd) {
  const bool from_master = is_master(from_fd);
  const bool to_master = is_master(to_fd);
  if (from_master) TRY_VOID(unblock_master(from_fd));
  if (to_master) TRY_VOID(unblock_master(to_fd));
  Channel channel(from_master ? Stream::owned(from_fd) : Stream::input(from_fd),
                  to_master ? Stream::owned(to_fd) : Stream::output(to_fd));
  TRY_VOID(channel.keep());
  // By the caller's own descriptor, and after it was opened again: a fifo tells of the end of its
  // writers only who was there to see them.
  pollfd polled{from_fd, POLLIN, 0};
  const bool is_ready = poll(&polled, 1, 0) > 0;
  return Hub::shared().take(std::make_unique<Copy>(env, std::move(channel), is_ready));
}

}  // namespace

Napi::Value start_copy(const Napi::CallbackInfo& info) {
  Request request(info);
  const int from_fd = static_cast<int>(request.number("fromFd"));
  const int to_fd = static_cast<int>(request.number("toFd"));
  if (!request.ok()) return info.Env().Undefined();
  auto started = start(info.Env(), from_fd, to_fd);
  if (!started) return throw_error(info.Env(), started.error());
  Napi::Object reply = Napi::Object::New(info.Env());
  reply.Set("copy", static_cast<double>(started.value().id));
  reply.Set("ended", started.value().promise);
  return reply;
}

Napi::Value end_copy(const Napi::CallbackInfo& info) {
  Request request(info);
  const int64_t copy = request.number("copy");
  if (!request.ok()) return info.Env().Undefined();
  Hub::shared().end(static_cast<uint64_t>(copy));
  return info.Env().Undefined();
}

}  // namespace tsoci::addon
