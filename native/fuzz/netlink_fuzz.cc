// Answers of rtnetlink: to a request, and those that describe interfaces and addresses. The names
// in them may have been chosen inside a container.
#include <fuzzer/FuzzedDataProvider.h>

#include "addon/interface.h"
#include "fuzz/expect.h"

namespace {

using namespace tsoci::addon;

constexpr uint32_t kSequence = 1;

/// The address goes back into the other interface with what it was read with.
void show_address_is_given_back(const Address& address, const Link& from) {
  const Link to{7, "eth0"};
  NetlinkMessage message = new_address(address, from, to);
  const std::span<const uint8_t> bytes = message.finish(kSequence);
  EXPECT(bytes.size() % NLMSG_ALIGNTO == 0);
  int requests = 0;
  const auto over = read_messages(bytes, kSequence, RTM_NEWADDR, "", [&](auto body) {
    ++requests;
    const auto again = read_address(body);
    EXPECT(again && again->header.ifa_index == 7u);
    const NetlinkAttributes attributes(again->attributes);
    const NetlinkAttributes before(address.attributes);
    for (const uint16_t kept : {IFA_LOCAL, IFA_ADDRESS, IFA_CACHEINFO}) {
      const auto one = attributes.find(kept);
      const auto other = before.find(kept);
      EXPECT(std::equal(one.begin(), one.end(), other.begin(), other.end()));
    }
    const std::string label = attributes.string(IFA_LABEL);
    EXPECT(label.empty() == before.string(IFA_LABEL).empty() && label.size() < 16);
  });
  EXPECT(over && requests == 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const uint8_t> bytes(data, size);
  for (const uint16_t type : {RTM_NEWLINK, RTM_NEWADDR}) {
    const auto over = read_messages(bytes, kSequence, type, "a subject", [&](auto body) {
      const auto link = read_link(body);
      const auto address = read_address(body);
      if (link) EXPECT(link->name.find('\0') == std::string::npos);
      if (link && address) show_address_is_given_back(*address, *link);
    });
    if (!over) EXPECT(over.error().number != 0);
  }
  // Without a header around it, which few inputs have.
  if (const auto address = read_address(bytes)) {
    show_address_is_given_back(*address, {1, NetlinkAttributes(bytes).string(IFLA_IFNAME)});
  }
  return 0;
}
