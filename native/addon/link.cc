// Sockets between the driver and init: the link of `create`, and the start gate.
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "addon/functions.h"
#include "addon/request.h"
#include "addon/unix_socket.h"
#include "sys/fd.h"
#include "sys/message.h"
#include "wire/writer.h"

namespace tsoci::addon {
namespace {

using sys::Error;
using sys::Result;
using sys::UniqueFd;

/// A listener takes one `start`; others wait here and are refused when it has the container.
constexpr int kGateBacklog = 4;

Result<void> send_packet(int fd, std::span<const uint8_t> bytes, const std::vector<int>& fds) {
  if (fds.size() > sys::kMaxMessageFds) {
    return Error::refusal("%zu descriptors in one message", fds.size());
  }
  if (sys::send_with_fds(fd, bytes.data(), bytes.size(), fds) < 0) {
    return Error::from_errno("sendmsg");
  }
  return {};
}

struct Packet {
  size_t size = 0;
  std::vector<int> fds;
  alignas(8) uint8_t bytes[wire::kMaxMessageBytes];
};

Result<void> wait_readable(int fd, int timeout_ms) {
  if (timeout_ms < 0) return {};
  pollfd wait{fd, POLLIN, 0};
  const int ready = sys::retry_eintr([&] { return poll(&wait, 1, timeout_ms); });
  if (ready < 0) return Error::from_errno("poll");
  if (ready > 0) return {};
  errno = ETIMEDOUT;
  return Error::from_errno("poll", "no message within %d ms", timeout_ms);
}

Result<void> receive_packet(int fd, int timeout_ms, Packet& packet) {
  TRY_VOID(wait_readable(fd, timeout_ms));
  iovec part{packet.bytes, sizeof(packet.bytes)};
  alignas(cmsghdr) char control[CMSG_SPACE(sys::kMaxMessageFds * sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  const auto receive = [&] {
    return sys::retry_eintr([&] { return recvmsg(fd, &message, MSG_CMSG_CLOEXEC); });
  };
  ssize_t size = receive();
  // A reset is an end with something unread on the other side. It is told once, and before the last
  // words of that side.
  if (size < 0 && errno == ECONNRESET) size = receive();
  if (size < 0 && errno == ECONNRESET) return {};
  if (size < 0) return Error::from_errno("recvmsg");
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    packet.fds.resize(count);
    memcpy(packet.fds.data(), CMSG_DATA(header), count * sizeof(int));
  }
  if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
    for (const int received : packet.fds) close(received);
    return Error::refusal("a message of more than %zu bytes or %zu descriptors",
                          sizeof(packet.bytes), sys::kMaxMessageFds);
  }
  packet.size = static_cast<size_t>(size);
  return {};
}

Result<UniqueFd> listen_at(const std::string& path) {
  UniqueFd gate = TRY(open_unix_socket(SOCK_SEQPACKET));
  // The mode of the socket file is what the umask leaves of fchmod's on the unbound socket.
  if (fchmod(gate.get(), 0600) < 0) return Error::from_errno("fchmod", "start gate");
  TRY_VOID(bind_to_path(gate.get(), path));
  if (listen(gate.get(), kGateBacklog) < 0)
    return Error::from_errno("listen", "\"%s\"", path.c_str());
  return gate;
}

Result<UniqueFd> connect_to(const std::string& path) {
  UniqueFd connection = TRY(open_unix_socket(SOCK_SEQPACKET));
  TRY_VOID(connect_to_path(connection.get(), path));
  return connection;
}

Napi::Value reply_fd(Napi::Env env, Result<UniqueFd> fd) {
  if (!fd) return throw_error(env, fd.error());
  return Napi::Number::New(env, fd.value().release());
}

}  // namespace

Napi::Value open_link(const Napi::CallbackInfo& info) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
    return throw_error(info.Env(), Error::from_errno("socketpair"));
  }
  Napi::Object reply = Napi::Object::New(info.Env());
  reply.Set("driverFd", Napi::Number::New(info.Env(), ends[0]));
  reply.Set("initFd", Napi::Number::New(info.Env(), ends[1]));
  return reply;
}

Napi::Value send_message(const Napi::CallbackInfo& info) {
  Request request(info);
  const int fd = static_cast<int>(request.number("fd"));
  const std::span<const uint8_t> bytes = request.bytes("bytes");
  const std::vector<int> fds = request.numbers("fds");
  if (!request.ok()) return info.Env().Undefined();
  const Result<void> sent = send_packet(fd, bytes, fds);
  return sent ? info.Env().Undefined() : throw_error(info.Env(), sent.error());
}

Napi::Value receive_message(const Napi::CallbackInfo& info) {
  Request request(info);
  const int fd = static_cast<int>(request.number("fd"));
  const int timeout_ms = static_cast<int>(request.number("timeoutMs"));
  if (!request.ok()) return info.Env().Undefined();
  Packet packet;
  const Result<void> received = receive_packet(fd, timeout_ms, packet);
  if (!received) return throw_error(info.Env(), received.error());
  Napi::Uint8Array bytes = Napi::Uint8Array::New(info.Env(), packet.size);
  memcpy(bytes.Data(), packet.bytes, packet.size);
  Napi::Array fds = Napi::Array::New(info.Env(), packet.fds.size());
  for (uint32_t index = 0; index < packet.fds.size(); ++index) {
    fds.Set(index, Napi::Number::New(info.Env(), packet.fds[index]));
  }
  Napi::Object reply = Napi::Object::New(info.Env());
  reply.Set("bytes", bytes);
  reply.Set("fds", fds);
  return reply;
}

Napi::Value listen_gate(const Napi::CallbackInfo& info) {
  Request request(info);
  const std::string path = request.string("path");
  return request.ok() ? reply_fd(info.Env(), listen_at(path)) : info.Env().Undefined();
}

Napi::Value connect_gate(const Napi::CallbackInfo& info) {
  Request request(info);
  const std::string path = request.string("path");
  return request.ok() ? reply_fd(info.Env(), connect_to(path)) : info.Env().Undefined();
}

}  // namespace tsoci::addon
