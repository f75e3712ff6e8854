// rtnetlink: requests that are acknowledged, and dumps.
#ifndef TSOCI_NATIVE_ADDON_NETLINK_H_
#define TSOCI_NATIVE_ADDON_NETLINK_H_

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "sys/fd.h"
#include "sys/result.h"

namespace tsoci::addon {

/// One message to the kernel: a header of its type, then attributes.
class NetlinkMessage {
 public:
  template <typename Header>
  NetlinkMessage(uint16_t type, uint16_t flags, const Header& header) {
    nlmsghdr start{};
    start.nlmsg_type = type;
    start.nlmsg_flags = static_cast<uint16_t>(flags | NLM_F_REQUEST);
    append(&start, sizeof(start));
    append(&header, sizeof(header));
  }

  void add(uint16_t attribute, std::span<const uint8_t> value);
  void add_u32(uint16_t attribute, uint32_t value);
  void add_string(uint16_t attribute, const std::string& value);

  /// The bytes, with the length and the sequence number filled in.
  std::span<const uint8_t> finish(uint32_t sequence);

 private:
  void append(const void* data, size_t size);
  std::vector<uint8_t> bytes_;
};

/// The attributes that follow a message's own header.
class NetlinkAttributes {
 public:
  explicit NetlinkAttributes(std::span<const uint8_t> bytes) : bytes_(bytes) {}
  /// The value of an attribute; empty when it is not there.
  std::span<const uint8_t> find(uint16_t attribute) const;
  std::string string(uint16_t attribute) const;

 private:
  std::span<const uint8_t> bytes_;
};

/// Goes through what one recv brought: calls `each` with the body of every message of type
/// `reply_type` in the answer to request `sequence`. Answers whether that answer is over.
sys::Result<bool> read_messages(std::span<const uint8_t> rest, uint32_t sequence,
                                uint16_t reply_type, const char* subject,
                                const std::function<void(std::span<const uint8_t>)>& each);

/// A socket that belongs for ever to the network namespace it was opened in, whoever uses it.
class NetlinkSocket {
 public:
  /// In the network namespace of the calling thread.
  static sys::Result<NetlinkSocket> open();

  /// Sends and waits for the kernel's answer; `subject` is what an error names.
  sys::Result<void> request(NetlinkMessage& message, const char* subject);
  /// Sends a dump request and calls `each` with the body of every message of type `reply_type`.
  sys::Result<void> dump(NetlinkMessage& message, uint16_t reply_type, const char* subject,
                         const std::function<void(std::span<const uint8_t>)>& each);

 private:
  explicit NetlinkSocket(sys::UniqueFd fd) : fd_(std::move(fd)) {}
  sys::Result<void> send(NetlinkMessage& message, const char* subject);
  sys::Result<size_t> receive(std::vector<uint8_t>& buffer, const char* subject);

  sys::UniqueFd fd_;
  uint32_t sequence_ = 0;
};

}  // namespace tsoci::addon

#endif  // TSOCI_NATIVE_ADDON_NETLINK_H_
