// What rtnetlink(7) says of an interface and its addresses.
#ifndef TSOCI_NATIVE_ADDON_INTERFACE_H_
#define TSOCI_NATIVE_ADDON_INTERFACE_H_

#include <linux/if_addr.h>

#include <optional>
#include <string>
#include <vector>

#include "addon/netlink.h"

namespace tsoci::addon {

struct Link {
  int index;
  std::string name;
};

/// An address as the kernel described it.
struct Address {
  ifaddrmsg header;
  uint32_t flags;
  std::vector<uint8_t> attributes;

  /// Permanent and of global scope: somebody gave it, and a move loses it.
  bool survives_a_move() const;
};

/// The interface in the body of an RTM_NEWLINK; nothing when it is cut.
std::optional<Link> read_link(std::span<const uint8_t> body);

/// The address in the body of an RTM_NEWADDR; nothing when it is cut.
std::optional<Address> read_address(std::span<const uint8_t> body);

/// The request by which `to` gets an address that `from` had.
NetlinkMessage new_address(const Address& address, const Link& from, const Link& to);

}  // namespace tsoci::addon

#endif  // TSOCI_NATIVE_ADDON_INTERFACE_H_
