// What arrives on the link between the driver and init, at either end, with descriptors beside it;
// and what init says of an error, which the other side has to be able to read.
#include <fcntl.h>
#include <fuzzer/FuzzedDataProvider.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "addon/packet.h"
#include "fuzz/expect.h"
#include "init/link.h"
#include "sys/message.h"

namespace {

using namespace tsoci;
using sys::UniqueFd;

/// The lowest number that is free: the same before and after, unless a descriptor is left.
int next_fd() {
  const int fd = fcntl(STDERR_FILENO, F_DUPFD, 0);
  close(fd);
  return fd;
}

struct Link {
  Link() {
    int ends[2];
    EXPECT(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
    near.reset(ends[0]);
    far.reset(ends[1]);
  }
  UniqueFd near;
  UniqueFd far;
};

/// More than `send_with_fds` would, which is ours.
void send_anything(int socket, const std::string& bytes, size_t fd_count) {
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(8 * sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (fd_count > 0) {
    const std::vector<int> fds(fd_count, STDERR_FILENO);
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
    std::memcpy(CMSG_DATA(header), fds.data(), fd_count * sizeof(int));
  }
  EXPECT(sendmsg(socket, &message, MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
}

std::string words(std::initializer_list<uint32_t> numbers) {
  return {reinterpret_cast<const char*>(numbers.begin()), numbers.size() * sizeof(uint32_t)};
}

/// Init asks, and the driver answers anything. An empty answer would be the end of the driver, at
/// which init ends.
void show_init_receives(FuzzedDataProvider& input) {
  const size_t fd_count = input.ConsumeIntegralInRange<size_t>(0, 4);
  std::string answer = input.ConsumeRemainingBytesAsString();
  if (answer.empty()) return;
  constexpr auto kAsked = wire::Request::kTakeConsole;
  const int free_before = next_fd();
  {
    init::Context context;
    Link link;
    context.link = std::move(link.near);
    send_anything(link.far.get(), answer, fd_count);
    const auto replied = init::ask_driver(context, kAsked);
    const std::string expected =
        words({static_cast<uint32_t>(wire::MessageCode::kReply), static_cast<uint32_t>(kAsked)});
    EXPECT(static_cast<bool>(replied) == (answer == expected && fd_count <= 1));
  }
  EXPECT(next_fd() == free_before);
}

void show_driver_receives(FuzzedDataProvider& input) {
  const size_t fd_count = input.ConsumeIntegralInRange<size_t>(0, 8);
  std::string bytes = input.ConsumeRemainingBytesAsString();
  // What is short stands for something long too: libFuzzer keeps inputs small.
  constexpr size_t kMost = 4 * wire::kMaxMessageBytes;
  if (bytes.starts_with('\xff')) bytes.resize(std::min(bytes.size() * 1000, kMost));
  const int free_before = next_fd();
  {
    Link link;
    send_anything(link.far.get(), bytes, fd_count);
    addon::Packet packet;
    const bool fits = bytes.size() <= sizeof(packet.bytes) && fd_count <= sys::kMaxMessageFds;
    EXPECT(static_cast<bool>(addon::receive_packet(link.near.get(), 0, packet)) == fits);
    if (fits) {
      EXPECT(std::string(reinterpret_cast<char*>(packet.bytes), packet.size) == bytes);
      EXPECT(packet.fds.size() == fd_count);
      for (const int fd : packet.fds) close(fd);
    }
  }
  EXPECT(next_fd() == free_before);
}

void show_warning_is_readable(FuzzedDataProvider& input) {
  Link link;
  init::Context context;
  context.link = std::move(link.near);
  context.step = input.ConsumeIntegral<uint32_t>();
  errno = input.ConsumeIntegral<uint16_t>();
  const int number = errno;
  const std::string call = input.ConsumeRandomLengthString(64);
  const std::string detail = input.ConsumeRemainingBytesAsString();
  errno = number;
  init::warn(context, sys::Error::from_errno(call.c_str(), "%s", detail.c_str()));

  addon::Packet packet;
  EXPECT(addon::receive_packet(link.far.get(), 0, packet) && packet.size % 4 == 0);
  wire::Reader reader({reinterpret_cast<const std::byte*>(packet.bytes), packet.size});
  uint32_t code = 0;
  wire::WarningMessage warning;
  EXPECT(reader.read(code) && wire::read_fields(reader, warning) && reader.at_end());
  EXPECT(code == static_cast<uint32_t>(wire::MessageCode::kWarning));
  EXPECT(warning.step == context.step && warning.errno_number == static_cast<uint32_t>(number));
  // Cut, but never changed.
  EXPECT(std::string(call.c_str()).starts_with(warning.call));
  EXPECT(std::string(detail.c_str()).starts_with(warning.detail));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider input(data, size);
  constexpr void (*kShows[])(FuzzedDataProvider&) = {show_init_receives, show_driver_receives,
                                                     show_warning_is_readable};
  kShows[input.ConsumeIntegralInRange<size_t>(0, std::size(kShows) - 1)](input);
  return 0;
}
