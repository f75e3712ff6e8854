// Hands descriptors to a caller that waits at a UNIX socket: the terminal's master, init's pidfd.
#include <sys/socket.h>

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

}  // namespace tsoci::addon
