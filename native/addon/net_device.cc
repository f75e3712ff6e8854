// Moves an interface of the host into a container: its addresses do not survive the move, so they
// are read before and given back after.
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <sys/stat.h>

#include <algorithm>
#include <optional>

#include "addon/functions.h"
#include "addon/interface.h"
#include "addon/netlink.h"
#include "addon/request.h"

namespace tsoci::addon {
namespace {

using sys::Error;
using sys::Result;

Result<std::vector<Link>> list_links(NetlinkSocket& socket, const char* subject) {
  std::vector<Link> links;
  NetlinkMessage message(RTM_GETLINK, NLM_F_DUMP, ifinfomsg{});
  TRY_VOID(socket.dump(message, RTM_NEWLINK, subject, [&](std::span<const uint8_t> body) {
    if (const auto link = read_link(body)) links.push_back(*link);
  }));
  return links;
}

const Link* find_link(const std::vector<Link>& links, const std::string& name) {
  const auto link = std::find_if(links.begin(), links.end(),
                                 [&](const Link& candidate) { return candidate.name == name; });
  return link == links.end() ? nullptr : &*link;
}

/// The addresses that the move must not lose: permanent and of global scope, of any family.
Result<std::vector<Address>> list_addresses(NetlinkSocket& socket, const Link& link) {
  std::vector<Address> addresses;
  NetlinkMessage message(RTM_GETADDR, NLM_F_DUMP, ifaddrmsg{});
  TRY_VOID(socket.dump(message, RTM_NEWADDR, "addresses", [&](std::span<const uint8_t> body) {
    const auto address = read_address(body);
    if (!address || address->header.ifa_index != static_cast<uint32_t>(link.index)) return;
    if (address->survives_a_move()) addresses.push_back(*address);
  }));
  return addresses;
}

Result<void> add_address(NetlinkSocket& socket, const Address& address, const Link& from,
                         const Link& to) {
  NetlinkMessage message = new_address(address, from, to);
  return socket.request(message, "give back an address");
}

Result<void> bring_up(NetlinkSocket& socket, const Link& link) {
  ifinfomsg header{};
  header.ifi_index = link.index;
  header.ifi_flags = IFF_UP;
  header.ifi_change = IFF_UP;
  NetlinkMessage message(RTM_NEWLINK, NLM_F_ACK, header);
  return socket.request(message, "bring it up");
}

/// Moves and renames in one request. The caller chooses the index on the other side: with a
/// template for a name, nothing else tells afterwards which interface it became.
Result<void> move_link(NetlinkSocket& socket, const Link& link, int netns_fd, const Link& target) {
  ifinfomsg header{};
  header.ifi_index = link.index;
  NetlinkMessage message(RTM_NEWLINK, NLM_F_ACK, header);
  message.add_u32(IFLA_NET_NS_FD, static_cast<uint32_t>(netns_fd));
  message.add_string(IFLA_IFNAME, target.name);
  message.add_u32(IFLA_NEW_IFINDEX, static_cast<uint32_t>(target.index));
  return socket.request(message, "move it");
}

struct OpenInside {
  int netns_fd;
  std::optional<Result<NetlinkSocket>> socket;
};

void* open_inside_main(void* argument) {
  OpenInside& work = *static_cast<OpenInside*>(argument);
  if (setns(work.netns_fd, CLONE_NEWNET) < 0) {
    work.socket = Error::from_errno("setns", "the container's network namespace");
  } else {
    work.socket = NetlinkSocket::open();
  }
  return nullptr;
}

/// A socket of another network namespace. A thread enters it and ends, so that no thread of the
/// engine is ever in a container's namespace.
Result<NetlinkSocket> open_socket_in(int netns_fd) {
  OpenInside work{netns_fd, std::nullopt};
  pthread_t thread;
  if (const int code = pthread_create(&thread, nullptr, open_inside_main, &work); code != 0) {
    errno = code;
    return Error::from_errno("pthread_create", "to enter a network namespace");
  }
  pthread_join(thread, nullptr);
  return std::move(*work.socket);
}

Result<void> assert_other_namespace(int netns_fd) {
  struct stat theirs;
  struct stat ours;
  if (fstat(netns_fd, &theirs) < 0) return Error::from_errno("fstat", "network namespace");
  if (stat("/proc/thread-self/ns/net", &ours) < 0) {
    return Error::from_errno("stat", "/proc/thread-self/ns/net");
  }
  if (theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino) {
    return Error::refusal("the container has the network namespace of the runtime");
  }
  return {};
}

/// The kernel moves first and refuses a bad name afterwards, with the interface gone from here.
Result<void> assert_valid_name(const std::string& name) {
  const bool is_template = name.ends_with("%d");
  const std::string fixed = is_template ? name.substr(0, name.size() - 2) : name;
  const bool fits = !name.empty() && name.size() < IFNAMSIZ && name != "." && name != "..";
  if (fits && fixed.find_first_of("/:% \t\n\v\f\r") == std::string::npos) return {};
  return Error::refusal(
      "new name is \"%s\", and must have 1 to %d characters without \"/\", \":\", "
      "\"%%\" (but for \"%%d\" at the end) or white space",
      name.c_str(), IFNAMSIZ - 1);
}

/// What it will be on the other side: its own index when that is free there.
Result<Link> choose_target(const std::vector<Link>& inside, const Link& link,
                           const std::string& new_name) {
  // The kernel fills a template with the first free number by itself.
  if (!new_name.ends_with("%d") && find_link(inside, new_name) != nullptr) {
    return Error::refusal("\"%s\" already exists in the container's network namespace",
                          new_name.c_str());
  }
  Link target{link.index, new_name};
  int highest = 0;
  for (const Link& other : inside) {
    highest = std::max(highest, other.index);
    if (other.index == link.index) target.index = 0;
  }
  if (target.index == 0) target.index = highest + 1;
  return target;
}

Result<void> move_device(const std::string& name, const std::string& new_name, int netns_fd) {
  TRY_VOID(assert_valid_name(new_name));
  TRY_VOID(assert_other_namespace(netns_fd));
  NetlinkSocket outside = TRY(NetlinkSocket::open());
  NetlinkSocket inside = TRY(open_socket_in(netns_fd));
  const std::vector<Link> links = TRY(list_links(outside, "interfaces of the runtime"));
  const Link* link = find_link(links, name);
  if (link == nullptr) {
    return Error::refusal("there is no such interface in the runtime's network namespace");
  }
  const std::vector<Link> links_inside = TRY(list_links(inside, "interfaces of the container"));
  Link target = TRY(choose_target(links_inside, *link, new_name));
  const std::vector<Address> addresses = TRY(list_addresses(outside, *link));
  TRY_VOID(move_link(outside, *link, netns_fd, target));

  for (const Link& arrived : TRY(list_links(inside, "interfaces of the container"))) {
    if (arrived.index == target.index) target.name = arrived.name;
  }
  for (const Address& address : addresses) {
    TRY_VOID(add_address(inside, address, *link, target));
  }
  return bring_up(inside, target);
}

}  // namespace

Napi::Value move_net_device(const Napi::CallbackInfo& info) {
  Request request(info);
  const std::string name = request.string("name");
  const std::string new_name = request.string("newName");
  const int netns_fd = static_cast<int>(request.number("netnsFd"));
  if (!request.ok()) return info.Env().Undefined();
  auto moved = move_device(name, new_name.empty() ? name : new_name, netns_fd);
  if (moved) return info.Env().Undefined();
  const Error& cause = moved.error();
  Error named = Error::refusal("interface \"%s\": %s", name.c_str(), cause.detail);
  named.number = cause.number;
  memcpy(named.call, cause.call, sizeof(named.call));
  return throw_error(info.Env(), named);
}

}  // namespace tsoci::addon
