#include "addon/packet.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/message.h"

namespace tsoci::addon {

using sys::Error;
using sys::Result;

namespace {

Result<void> wait_readable(int fd, int timeout_ms) {
  if (timeout_ms < 0) return {};
  pollfd wait{fd, POLLIN, 0};
  const int ready = sys::retry_eintr([&] { return poll(&wait, 1, timeout_ms); });
  if (ready < 0) return Error::from_errno("poll");
  if (ready > 0) return {};
  errno = ETIMEDOUT;
  return Error::from_errno("poll", "no message within %d ms", timeout_ms);
}

}  // namespace

Result<void> send_packet(int fd, std::span<const uint8_t> bytes, const std::vector<int>& fds) {
  if (fds.size() > sys::kMaxMessageFds) {
    return Error::refusal("%zu descriptors in one message", fds.size());
  }
  if (sys::send_with_fds(fd, bytes.data(), bytes.size(), fds) < 0) {
    return Error::from_errno("sendmsg");
  }
  return {};
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
  packet.is_reset = size < 0 && errno == ECONNRESET;
  if (packet.is_reset) size = receive();
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

}  // namespace tsoci::addon
