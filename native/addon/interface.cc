#include "addon/interface.h"

#include <linux/if_link.h>
#include <net/if.h>

#include <algorithm>

namespace tsoci::addon {
namespace {

/// What an address keeps. The rest (statistics, the interface's name) the kernel makes anew.
constexpr uint16_t kKeptAttributes[] = {IFA_LOCAL,     IFA_ADDRESS,     IFA_BROADCAST,
                                        IFA_CACHEINFO, IFA_RT_PRIORITY, IFA_PROTO};
/// Flags that state what the kernel found out, not what anybody asked for.
constexpr uint32_t kFoundFlags = IFA_F_TENTATIVE | IFA_F_DADFAILED | IFA_F_DEPRECATED |
                                 IFA_F_SECONDARY | IFA_F_OPTIMISTIC | IFA_F_STABLE_PRIVACY;

template <typename Header>
std::optional<Header> read_header(std::span<const uint8_t> body) {
  Header header;
  if (body.size() < sizeof(header)) return std::nullopt;
  memcpy(&header, body.data(), sizeof(header));
  return header;
}

template <typename Header>
std::span<const uint8_t> after_header(std::span<const uint8_t> body) {
  return body.subspan(std::min(body.size(), size_t{NLMSG_ALIGN(sizeof(Header))}));
}

/// An IPv4 label starts with the interface's name, so it is renamed along.
std::string renamed_label(const std::string& label, const std::string& name,
                          const std::string& new_name) {
  if (label == name) return new_name;
  const bool of_interface = label.starts_with(name + ":");
  const std::string renamed = of_interface ? new_name + label.substr(name.size()) : label;
  return renamed.size() < IFNAMSIZ ? renamed : new_name;
}

}  // namespace

bool Address::survives_a_move() const {
  return (flags & IFA_F_PERMANENT) != 0 && header.ifa_scope == RT_SCOPE_UNIVERSE;
}

std::optional<Link> read_link(std::span<const uint8_t> body) {
  const auto header = read_header<ifinfomsg>(body);
  if (!header) return std::nullopt;
  const NetlinkAttributes attributes(after_header<ifinfomsg>(body));
  return Link{header->ifi_index, attributes.string(IFLA_IFNAME)};
}

std::optional<Address> read_address(std::span<const uint8_t> body) {
  const auto header = read_header<ifaddrmsg>(body);
  if (!header) return std::nullopt;
  const std::span<const uint8_t> bytes = after_header<ifaddrmsg>(body);
  const std::span<const uint8_t> wide_flags = NetlinkAttributes(bytes).find(IFA_FLAGS);
  uint32_t flags = header->ifa_flags;
  if (wide_flags.size() == sizeof(flags)) memcpy(&flags, wide_flags.data(), sizeof(flags));
  return Address{*header, flags, {bytes.begin(), bytes.end()}};
}

NetlinkMessage new_address(const Address& address, const Link& from, const Link& to) {
  const NetlinkAttributes attributes(address.attributes);
  ifaddrmsg header = address.header;
  const uint32_t flags = address.flags & ~kFoundFlags;
  header.ifa_index = static_cast<uint32_t>(to.index);
  header.ifa_flags = static_cast<uint8_t>(flags);
  NetlinkMessage message(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, header);
  for (const uint16_t kept : kKeptAttributes) {
    if (const auto value = attributes.find(kept); !value.empty()) message.add(kept, value);
  }
  message.add_u32(IFA_FLAGS, flags);
  if (const std::string label = attributes.string(IFA_LABEL); !label.empty()) {
    message.add_string(IFA_LABEL, renamed_label(label, from.name, to.name));
  }
  return message;
}

}  // namespace tsoci::addon
