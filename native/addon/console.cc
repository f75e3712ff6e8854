// Hands descriptors to somebody who waits at a UNIX socket: the terminal's master, init's pidfd,
// the listener of seccomp notifications.
#include <sys/socket.h>
#include <sys/time.h>

#include "addon/functions.h"
#include "addon/request.h"
#include "addon/unix_socket.h"
#include "sys/fd.h"
#include "sys/message.h"

namespace tsoci::addon {
namespace {

using sys::Error;
using sys::Result;
using sys::UniqueFd;

/// One message with one descriptor: receivers read once and expect both the text and the fd in it.
Result<void> send_descriptor(const std::string& path, int fd, std::string text) {
  const UniqueFd socket = TRY(open_unix_socket(SOCK_STREAM));
  TRY_VOID(connect_to_path(socket.get(), path));
  // SCM_RIGHTS does not travel on a stream without a byte of data.
  if (text.empty()) text.push_back('\0');
  const ssize_t sent = sys::send_with_fds(socket.get(), text.data(), text.size(), {&fd, 1});
  if (sent < 0) return Error::from_errno("sendmsg", "\"%s\"", path.c_str());
  if (static_cast<size_t>(sent) != text.size()) {
    return Error::refusal("socket \"%s\" took %zd bytes of %zu", path.c_str(), sent, text.size());
  }
  return {};
}

/// An agent that does not accept, or does not read, must not hold a container's lock for ever.
Result<UniqueFd> connect_agent_at(const std::string& path, int timeout_ms) {
  UniqueFd socket = TRY(open_unix_socket(SOCK_STREAM));
  const timeval timeout{timeout_ms / 1000, timeout_ms % 1000 * 1000};
  if (setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0) {
    return Error::from_errno("setsockopt(SO_SNDTIMEO)");
  }
  TRY_VOID(connect_to_path(socket.get(), path));
  return socket;
}

/// All of the text, however much of it one message takes; the descriptor goes with the first.
Result<void> send_with_first_message(int socket, std::span<const uint8_t> text, int fd) {
  for (size_t sent = 0; sent < text.size();) {
    const std::span<const int> fds(&fd, sent == 0 ? 1 : 0);
    const ssize_t taken = sys::send_with_fds(socket, text.data() + sent, text.size() - sent, fds);
    if (taken < 0) return Error::from_errno("sendmsg");
    sent += static_cast<size_t>(taken);
  }
  return {};
}

}  // namespace

Napi::Value send_console(const Napi::CallbackInfo& info) {
  Request request(info);
  const std::string path = request.string("path");
  const int master_fd = static_cast<int>(request.number("masterFd"));
  if (!request.ok()) return info.Env().Undefined();
  // The text is the master's name, as runc sends it; receivers show it and do not open it.
  if (auto sent = send_descriptor(path, master_fd, "/dev/ptmx"); !sent) {
    return throw_error(info.Env(), sent.error());
  }
  return info.Env().Undefined();
}

Napi::Value send_pidfd(const Napi::CallbackInfo& info) {
  Request request(info);
  const std::string path = request.string("path");
  const int pidfd = static_cast<int>(request.number("pidfd"));
  const std::string text = request.string("text");
  if (!request.ok()) return info.Env().Undefined();
  if (auto sent = send_descriptor(path, pidfd, text); !sent) {
    return throw_error(info.Env(), sent.error());
  }
  return info.Env().Undefined();
}

Napi::Value connect_agent(const Napi::CallbackInfo& info) {
  Request request(info);
  const std::string path = request.string("path");
  const int timeout_ms = static_cast<int>(request.number("timeoutMs"));
  if (!request.ok()) return info.Env().Undefined();
  Result<UniqueFd> socket = connect_agent_at(path, timeout_ms);
  if (!socket) return throw_error(info.Env(), socket.error());
  return Napi::Number::New(info.Env(), socket.value().release());
}

Napi::Value send_listener(const Napi::CallbackInfo& info) {
  Request request(info);
  const int agent_fd = static_cast<int>(request.number("agentFd"));
  const int listener_fd = static_cast<int>(request.number("listenerFd"));
  const std::span<const uint8_t> state = request.bytes("state");
  if (!request.ok()) return info.Env().Undefined();
  if (auto sent = send_with_first_message(agent_fd, state, listener_fd); !sent) {
    return throw_error(info.Env(), sent.error());
  }
  return info.Env().Undefined();
}

}  // namespace tsoci::addon
