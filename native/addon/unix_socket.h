// AF_UNIX sockets, with paths of any length.
#ifndef TSOCI_NATIVE_ADDON_UNIX_SOCKET_H_
#define TSOCI_NATIVE_ADDON_UNIX_SOCKET_H_

#include <fcntl.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <string>

#include "sys/fd.h"
#include "sys/result.h"

namespace tsoci::addon {

/// A sockaddr_un has room for 107 bytes, and a state directory may lie deeper: such a path is given
/// as its last component below an open directory, by /proc/self/fd.
class SocketPath {
 public:
  static sys::Result<SocketPath> open(const std::string& path) {
    SocketPath result;
    std::string shown = path;
    if (path.size() >= sizeof(result.address_.sun_path)) {
      const size_t slash = path.rfind('/');
      const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash);
      const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
      result.directory_.reset(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
      if (!result.directory_.is_open()) {
        return sys::Error::from_errno("open", "\"%s\"", directory.c_str());
      }
      shown = "/proc/self/fd/" + std::to_string(result.directory_.get()) + "/" + name;
    }
    if (shown.size() >= sizeof(result.address_.sun_path)) {
      // The path comes last, as it may be cut.
      return sys::Error::refusal("a socket's name of %zu bytes is too long: \"%s\"", path.size(),
                                 path.c_str());
    }
    result.address_.sun_family = AF_UNIX;
    shown.copy(result.address_.sun_path, shown.size());
    result.size_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + shown.size() + 1);
    return result;
  }

  const sockaddr* address() const { return reinterpret_cast<const sockaddr*>(&address_); }
  socklen_t size() const { return size_; }

 private:
  sockaddr_un address_{};
  socklen_t size_ = 0;
  sys::UniqueFd directory_;
};

/// `type` as socket(2) has it, SOCK_STREAM and so on; close-on-exec.
inline sys::Result<sys::UniqueFd> open_unix_socket(int type) {
  sys::UniqueFd opened(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  if (!opened.is_open()) return sys::Error::from_errno("socket", "AF_UNIX");
  return opened;
}

inline sys::Result<void> connect_to_path(int socket, const std::string& path) {
  const SocketPath name = TRY(SocketPath::open(path));
  if (sys::retry_eintr([&] { return connect(socket, name.address(), name.size()); }) < 0) {
    return sys::Error::from_errno("connect", "\"%s\"", path.c_str());
  }
  return {};
}

inline sys::Result<void> bind_to_path(int socket, const std::string& path) {
  const SocketPath name = TRY(SocketPath::open(path));
  if (bind(socket, name.address(), name.size()) < 0) {
    return sys::Error::from_errno("bind", "\"%s\"", path.c_str());
  }
  return {};
}

}  // namespace tsoci::addon

#endif  // TSOCI_NATIVE_ADDON_UNIX_SOCKET_H_
