// The address of an AF_UNIX socket by a path of any length.
#ifndef TSOCI_NATIVE_ADDON_SOCKET_PATH_H_
#define TSOCI_NATIVE_ADDON_SOCKET_PATH_H_

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
      return sys::Error::refusal("\"%s\" is too long for a socket's name", path.c_str());
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

}  // namespace tsoci::addon

#endif  // TSOCI_NATIVE_ADDON_SOCKET_PATH_H_
