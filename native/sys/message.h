// A message with descriptors beside its bytes.
#ifndef TSOCI_NATIVE_SYS_MESSAGE_H_
#define TSOCI_NATIVE_SYS_MESSAGE_H_

#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <span>

#include "sys/result.h"

namespace tsoci::sys {

/// No message carries more descriptors.
constexpr size_t kMaxMessageFds = 4;

/// sendmsg(2) of one buffer, with SCM_RIGHTS for `fds` (unix(7)), which stay the caller's. Answers
/// as sendmsg does, and E2BIG for more than `kMaxMessageFds`. On a stream `size` may not be 0, or
/// the descriptors do not travel.
inline ssize_t send_with_fds(int socket, const void* bytes, size_t size, std::span<const int> fds) {
  if (fds.size() > kMaxMessageFds) {
    errno = E2BIG;
    return -1;
  }
  iovec part{const_cast<void*>(bytes), size};
  alignas(cmsghdr) char control[CMSG_SPACE(kMaxMessageFds * sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(header), fds.data(), fds.size_bytes());
  }
  return retry_eintr([&] { return sendmsg(socket, &message, MSG_NOSIGNAL); });
}

}  // namespace tsoci::sys

#endif  // TSOCI_NATIVE_SYS_MESSAGE_H_
