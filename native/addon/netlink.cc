#include "addon/netlink.h"

#include <sys/socket.h>

#include <algorithm>
#include <optional>

namespace tsoci::addon {

using sys::Error;
using sys::Result;
using sys::UniqueFd;

void NetlinkMessage::append(const void* data, size_t size) {
  const auto* bytes = static_cast<const uint8_t*>(data);
  bytes_.insert(bytes_.end(), bytes, bytes + size);
  bytes_.resize(NLMSG_ALIGN(bytes_.size()));
}

void NetlinkMessage::add(uint16_t attribute, std::span<const uint8_t> value) {
  const rtattr header{static_cast<uint16_t>(RTA_LENGTH(value.size())), attribute};
  append(&header, sizeof(header));
  append(value.data(), value.size());
}

void NetlinkMessage::add_u32(uint16_t attribute, uint32_t value) {
  add(attribute, {reinterpret_cast<const uint8_t*>(&value), sizeof(value)});
}

void NetlinkMessage::add_string(uint16_t attribute, const std::string& value) {
  add(attribute, {reinterpret_cast<const uint8_t*>(value.c_str()), value.size() + 1});
}

std::span<const uint8_t> NetlinkMessage::finish(uint32_t sequence) {
  auto* header = reinterpret_cast<nlmsghdr*>(bytes_.data());
  header->nlmsg_len = static_cast<uint32_t>(bytes_.size());
  header->nlmsg_seq = sequence;
  return bytes_;
}

std::span<const uint8_t> NetlinkAttributes::find(uint16_t attribute) const {
  std::span<const uint8_t> rest = bytes_;
  while (rest.size() >= sizeof(rtattr)) {
    rtattr header;
    memcpy(&header, rest.data(), sizeof(header));
    if (header.rta_len < sizeof(header) || header.rta_len > rest.size()) break;
    if ((header.rta_type & NLA_TYPE_MASK) == attribute) {
      return rest.subspan(RTA_LENGTH(0), header.rta_len - RTA_LENGTH(0));
    }
    rest = rest.subspan(std::min<size_t>(RTA_ALIGN(header.rta_len), rest.size()));
  }
  return {};
}

std::string NetlinkAttributes::string(uint16_t attribute) const {
  const std::span<const uint8_t> value = find(attribute);
  const auto end = std::find(value.begin(), value.end(), 0);
  return std::string(value.begin(), end);
}

Result<NetlinkSocket> NetlinkSocket::open() {
  UniqueFd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!fd.is_open()) return Error::from_errno("socket", "NETLINK_ROUTE");
  // The kernel's own words for a refusal; without them there is just the errno.
  const int on = 1;
  setsockopt(fd.get(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
  setsockopt(fd.get(), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
  return NetlinkSocket(std::move(fd));
}

Result<void> NetlinkSocket::send(NetlinkMessage& message, const char* subject) {
  const std::span<const uint8_t> bytes = message.finish(++sequence_);
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  const ssize_t sent = sys::retry_eintr([&] {
    return sendto(fd_.get(), bytes.data(), bytes.size(), 0,
                  reinterpret_cast<const sockaddr*>(&kernel), sizeof(kernel));
  });
  if (sent < 0) return Error::from_errno("sendto", "%s", subject);
  return {};
}

Result<size_t> NetlinkSocket::receive(std::vector<uint8_t>& buffer, const char* subject) {
  // Asked for first: a message that does not fit would be cut.
  const ssize_t size =
      sys::retry_eintr([&] { return recv(fd_.get(), nullptr, 0, MSG_PEEK | MSG_TRUNC); });
  if (size < 0) return Error::from_errno("recv", "%s", subject);
  buffer.resize(std::max(buffer.size(), static_cast<size_t>(size)));
  const ssize_t received =
      sys::retry_eintr([&] { return recv(fd_.get(), buffer.data(), buffer.size(), 0); });
  if (received < 0) return Error::from_errno("recv", "%s", subject);
  return static_cast<size_t>(received);
}

namespace {

/// What an NLMSG_ERROR says: nothing wrong, or an errno and perhaps the kernel's words.
Result<void> read_acknowledgement(const nlmsghdr& header, std::span<const uint8_t> body,
                                  const char* subject) {
  nlmsgerr answer{};
  memcpy(&answer, body.data(), std::min(body.size(), sizeof(answer)));
  if (answer.error == 0) return {};
  std::string words;
  if ((header.nlmsg_flags & NLM_F_ACK_TLVS) != 0 && body.size() > sizeof(answer)) {
    words = NetlinkAttributes(body.subspan(sizeof(answer))).string(NLMSGERR_ATTR_MSG);
  }
  constexpr int kMostErrno = 4095;
  errno = answer.error < 0 && answer.error >= -kMostErrno ? -answer.error : EBADMSG;
  return Error::from_errno("netlink", "%s%s%s", subject, words.empty() ? "" : ": ", words.c_str());
}

}  // namespace

Result<bool> read_messages(std::span<const uint8_t> rest, uint32_t sequence, uint16_t reply_type,
                           const char* subject,
                           const std::function<void(std::span<const uint8_t>)>& each) {
  while (rest.size() >= sizeof(nlmsghdr)) {
    nlmsghdr header;
    memcpy(&header, rest.data(), sizeof(header));
    if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > rest.size()) break;
    const std::span<const uint8_t> body =
        rest.subspan(NLMSG_HDRLEN, header.nlmsg_len - NLMSG_HDRLEN);
    rest = rest.subspan(std::min<size_t>(NLMSG_ALIGN(header.nlmsg_len), rest.size()));
    // What is left of a request that failed half-way.
    if (header.nlmsg_seq != sequence) continue;
    if (header.nlmsg_type == NLMSG_DONE) return true;
    if (header.nlmsg_type == NLMSG_ERROR) {
      TRY_VOID(read_acknowledgement(header, body, subject));
      return true;
    }
    if (header.nlmsg_type == reply_type) each(body);
  }
  return false;
}

Result<void> NetlinkSocket::request(NetlinkMessage& message, const char* subject) {
  return dump(message, NLMSG_NOOP, subject, [](std::span<const uint8_t>) {});
}

Result<void> NetlinkSocket::dump(NetlinkMessage& message, uint16_t reply_type, const char* subject,
                                 const std::function<void(std::span<const uint8_t>)>& each) {
  TRY_VOID(send(message, subject));
  std::vector<uint8_t> buffer(16 * 1024);
  for (bool over = false; !over;) {
    const size_t size = TRY(receive(buffer, subject));
    over = TRY(read_messages({buffer.data(), size}, sequence_, reply_type, subject, each));
  }
  return {};
}

}  // namespace tsoci::addon
