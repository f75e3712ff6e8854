#include "addon/notify.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>

#include "addon/functions.h"
#include "addon/request.h"
#include "addon/unix_socket.h"
#include "sys/message.h"

namespace tsoci::addon {
namespace {

using sys::Error;
using sys::Result;
using sys::UniqueFd;

/// How long a manager may take to answer a barrier; what runc gives it.
constexpr int kBarrierMs = 30'000;
/// A message of a service manager's clients has a few lines; systemd reads as much.
constexpr size_t kMessageBytes = 4096;
/// A container that sends without end must not keep us from everything else.
constexpr int kMessagesAtOnce = 64;
/// A manager that has stopped reading must not stop us for good.
constexpr timeval kSendTimeout = {.tv_sec = 10, .tv_usec = 0};

int64_t now_ms() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

bool has_line(std::string_view message, std::string_view wanted) {
  while (!message.empty()) {
    const size_t end = std::min(message.find('\n'), message.size());
    if (message.substr(0, end) == wanted) return true;
    message.remove_prefix(std::min(end + 1, message.size()));
  }
  return false;
}

/// A name that begins with "@" is one of the abstract name space: sd_notify(3).
Result<void> connect_abstract(int socket, const std::string& name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (name.size() > sizeof(address.sun_path)) {
    return Error::refusal("\"%s\" is too long for a socket's name", name.c_str());
  }
  name.copy(address.sun_path, name.size());
  address.sun_path[0] = '\0';
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  if (connect(socket, reinterpret_cast<const sockaddr*>(&address), size) < 0) {
    return Error::from_errno("connect", "\"%s\"", name.c_str());
  }
  return {};
}

Result<UniqueFd> connect_to_manager(const std::string& name) {
  UniqueFd host = TRY(open_unix_socket(SOCK_DGRAM));
  setsockopt(host.get(), SOL_SOCKET, SO_SNDTIMEO, &kSendTimeout, sizeof(kSendTimeout));
  const bool is_abstract = name.size() > 1 && name.front() == '@';
  TRY_VOID(is_abstract ? connect_abstract(host.get(), name) : connect_to_path(host.get(), name));
  return host;
}

Result<UniqueFd> bind_for_container(const std::string& path) {
  UniqueFd bound = TRY(open_unix_socket(SOCK_DGRAM));
  // One of a `start` that was killed would be in the way.
  if (unlink(path.c_str()) < 0 && errno != ENOENT) {
    return Error::from_errno("unlink", "\"%s\"", path.c_str());
  }
  TRY_VOID(bind_to_path(bound.get(), path));
  // Every user of the container may say that it is ready, whatever our umask is; nobody else can
  // reach the directory.
  const std::string directory = path.substr(0, path.rfind('/'));
  if (chmod(directory.c_str(), 0755) < 0 || chmod(path.c_str(), 0777) < 0) {
    return Error::from_errno("chmod", "\"%s\"", path.c_str());
  }
  return bound;
}

/// Until the manager has heard and taken note, or `pidfd` has ended.
Result<void> relay_until_ready(ReadyRelay& relay, int pidfd) {
  while (!relay.is_told()) {
    std::array<pollfd, 2> polled{{relay.readable(), {pidfd, POLLIN, 0}}};
    if (sys::retry_eintr([&] { return poll(polled.data(), polled.size(), -1); }) < 0) {
      return Error::from_errno("poll", "for a container's READY=1");
    }
    // In this order: a program may say that it is ready, and end.
    TRY_VOID(relay.take());
    if (polled[1].revents != 0) break;
  }
  if (std::optional<pollfd> unanswered = relay.unanswered()) {
    sys::retry_eintr([&] { return poll(&*unanswered, 1, relay.remaining_ms()); });
  }
  return {};
}

}  // namespace

Result<void> ReadyRelay::take() {
  std::array<char, kMessageBytes> message;
  for (int count = 0; count < kMessagesAtOnce; ++count) {
    // Descriptors that come along are closed by the kernel, as there is no room for them.
    const ssize_t size = sys::retry_eintr(
        [&] { return recv(notify_fd_, message.data(), message.size(), MSG_DONTWAIT); });
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return {};
    if (size < 0) return Error::from_errno("recv", "from the container's notify socket");
    const std::string_view text(message.data(), static_cast<size_t>(size));
    if (!is_told_ && has_line(text, "READY=1")) TRY_VOID(tell_manager());
  }
  return {};
}

Result<void> ReadyRelay::tell_manager() {
  is_told_ = true;
  TRY_VOID(send("READY=1\n"));
  TRY_VOID(send("MAINPID=" + std::to_string(main_pid_) + "\n"));
  return send_barrier();
}

Result<void> ReadyRelay::send(std::string_view text) const {
  if (sys::retry_eintr([&] { return ::send(host_fd_, text.data(), text.size(), MSG_NOSIGNAL); }) <
      0) {
    return Error::from_errno("send", "%.*s", static_cast<int>(text.find('\n')), text.data());
  }
  return {};
}

/// sd_notify_barrier(3): the manager closes the write end of a pipe when it has come to it.
Result<void> ReadyRelay::send_barrier() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return Error::from_errno("pipe2", "for a barrier");
  UniqueFd read_end(ends[0]);
  const UniqueFd write_end(ends[1]);
  constexpr std::string_view text = "BARRIER=1";
  if (sys::send_with_fds(host_fd_, text.data(), text.size(), {&ends[1], 1}) < 0) {
    return Error::from_errno("sendmsg", "%s", text.data());
  }
  barrier_ = std::move(read_end);
  deadline_ms_ = now_ms() + kBarrierMs;
  return {};
}

std::optional<pollfd> ReadyRelay::unanswered() const {
  if (!barrier_.is_open()) return std::nullopt;
  pollfd hung_up{barrier_.get(), 0, 0};
  if (poll(&hung_up, 1, 0) > 0) return std::nullopt;
  return pollfd{barrier_.get(), 0, 0};
}

int ReadyRelay::remaining_ms() const {
  return static_cast<int>(std::clamp<int64_t>(deadline_ms_ - now_ms(), 0, kBarrierMs));
}

Napi::Value connect_notify(const Napi::CallbackInfo& info) {
  Request request(info);
  const std::string name = request.string("name");
  if (!request.ok()) return info.Env().Undefined();
  Result<UniqueFd> host = connect_to_manager(name);
  if (!host) return throw_error(info.Env(), host.error());
  return Napi::Number::New(info.Env(), host.value().release());
}

Napi::Value bind_notify(const Napi::CallbackInfo& info) {
  Request request(info);
  const std::string path = request.string("path");
  if (!request.ok()) return info.Env().Undefined();
  Result<UniqueFd> bound = bind_for_container(path);
  if (!bound) return throw_error(info.Env(), bound.error());
  return Napi::Number::New(info.Env(), bound.value().release());
}

Napi::Value relay_ready(const Napi::CallbackInfo& info) {
  Request request(info);
  const int notify_fd = static_cast<int>(request.number("notifyFd"));
  const int host_fd = static_cast<int>(request.number("hostFd"));
  const int pidfd = static_cast<int>(request.number("pidfd"));
  const pid_t main_pid = static_cast<pid_t>(request.number("mainPid"));
  if (!request.ok()) return info.Env().Undefined();
  ReadyRelay relay(notify_fd, host_fd, main_pid);
  if (const auto relayed = relay_until_ready(relay, pidfd); !relayed) {
    return throw_error(info.Env(), relayed.error());
  }
  Napi::Object reply = Napi::Object::New(info.Env());
  reply.Set("ready", relay.is_told());
  reply.Set("answered", !relay.unanswered().has_value());
  return reply;
}

}  // namespace tsoci::addon
