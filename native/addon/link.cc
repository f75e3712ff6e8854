// Sockets between the driver and init: the link of `create`, and the start gate.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>

#include "addon/functions.h"
#include "addon/packet.h"
#include "addon/request.h"
#include "addon/unix_socket.h"
#include "sys/fd.h"

namespace tsoci::addon {
namespace {

using sys::Error;
using sys::Result;
using sys::UniqueFd;

/// A listener takes one `start`; others wait here and are refused when it has the container.
constexpr int kGateBacklog = 4;

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
  // Not memcpy, which may not be told of no bytes at no address: the end of a link has none.
  std::copy_n(packet.bytes, packet.size, bytes.Data());
  Napi::Array fds = Napi::Array::New(info.Env(), packet.fds.size());
  for (uint32_t index = 0; index < packet.fds.size(); ++index) {
    fds.Set(index, Napi::Number::New(info.Env(), packet.fds[index]));
  }
  Napi::Object reply = Napi::Object::New(info.Env());
  reply.Set("bytes", bytes);
  reply.Set("fds", fds);
  reply.Set("isReset", packet.is_reset);
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
