// Messages on the link between the driver and init.
#ifndef TSOCI_NATIVE_ADDON_PACKET_H_
#define TSOCI_NATIVE_ADDON_PACKET_H_

#include <cstdint>
#include <span>
#include <vector>

#include "sys/result.h"
#include "wire/writer.h"

namespace tsoci::addon {

/// One message as it came. The descriptors belong to whoever has received it.
struct Packet {
  size_t size = 0;
  std::vector<int> fds;
  /// The other side has ended without having read all that was sent to it.
  bool is_reset = false;
  alignas(8) uint8_t bytes[wire::kMaxMessageBytes];
};

/// Sends one message; the descriptors stay the caller's.
sys::Result<void> send_packet(int fd, std::span<const uint8_t> bytes, const std::vector<int>& fds);

/// Waits for one message, for ever when `timeout_ms` is negative. An empty one means that the other
/// side is gone. A message that is too long is refused, and its descriptors are closed.
sys::Result<void> receive_packet(int fd, int timeout_ms, Packet& packet);

}  // namespace tsoci::addon

#endif  // TSOCI_NATIVE_ADDON_PACKET_H_
