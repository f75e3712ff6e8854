#include "launcher/shim/group_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher/shim/protobuf.h"
#include "sys/sha256.h"

namespace tsoci::launcher::shim {
namespace {

/// A shim of ours and one of runc's must not take each other's sockets: containers of one pod may
/// have different runtimes, and a socket that answers is taken for the shim of that group.
constexpr std::string_view kRuntimeName = "io.containerd.tsoci.v2";

/// A shim answers at once, whatever its containers do.
constexpr int kAnswerTimeoutMs = 10'000;

/// A shim says nothing by itself: who ends a connection within that time is not one that serves.
constexpr int kDyingMs = 500;

// ttrpc: length and stream of a frame, both big-endian, then its type and flags.
constexpr size_t kHeaderBytes = 10;
constexpr unsigned kRequestFrame = 1;
constexpr unsigned kFirstStream = 1;
constexpr unsigned kMostAnswerBytes = 4096;

sockaddr_un address_of(const SocketPath& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.view().size());
  return address;
}

int connect_to(const SocketPath& path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("make a socket for", path.view());
  const sockaddr_un address = address_of(path);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) return fd;
  const bool is_nobody = errno == ENOENT || errno == ECONNREFUSED;
  if (!is_nobody) fail("connect to", path.view());
  close(fd);
  return -1;
}

/// False when the other side is gone before all of it came.
bool read_answer(int fd, const SocketPath& path, char* bytes, size_t size) {
  for (size_t got = 0; got < size;) {
    pollfd polled{fd, POLLIN, 0};
    if (poll(&polled, 1, kAnswerTimeoutMs) == 0) {
      errno = ETIMEDOUT;
      fail("wait for the shim at", path.view());
    }
    const ssize_t more = read(fd, bytes + got, size - got);
    if (more < 0 && errno == EINTR) continue;
    if (more <= 0) return false;
    got += static_cast<size_t>(more);
  }
  return true;
}

uint32_t big_endian(const char* bytes) {
  uint32_t number = 0;
  for (int index = 0; index < 4; ++index) {
    number = number << 8 | static_cast<uint8_t>(bytes[index]);
  }
  return number;
}

/// Response{status = 1, payload = 2}: a status without a code, its field 1, is that all is well.
bool is_well(std::string_view response) {
  FieldReader fields(response);
  Field field;
  while (fields.next(field)) {
    if (field.number != 1) continue;
    FieldReader status(field.bytes);
    Field part;
    while (status.next(part)) {
      if (part.number == 1 && part.varint != 0) return false;
    }
  }
  return fields.ok();
}

}  // namespace

SocketPath socket_path(std::string_view socket_dir, std::string_view grpc_address,
                       std::string_view name_space, std::string_view group) {
  sys::Sha256 hash;
  // With their lengths: joined alone, parts could be those of another list.
  for (const std::string_view part : {kRuntimeName, grpc_address, name_space, group}) {
    Buffer<24> length;
    length.add_decimal(part.size()).add(":");
    hash.add(length.view().data(), length.view().size()).add(part.data(), part.size());
  }
  SocketPath path;
  path.add(socket_dir).add("/");
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (const uint8_t byte : hash.finish()) {
    path.add(kDigits.substr(byte >> 4, 1)).add(kDigits.substr(byte & 0xf, 1));
  }
  return path;
}

bool expects_container(const SocketPath& path, std::string_view id) {
  const int fd = connect_to(path);
  if (fd < 0) return false;
  Buffer<2048> connect_request;
  add_text(connect_request, 1, id);
  // src/shim/task-service.ts keeps a place for whoever asks with it.
  Buffer<32> start_metadata;
  add_text(start_metadata, 1, "tsoci-start");
  Buffer<4096> request;
  add_text(request, 1, "containerd.task.v3.Task");
  add_text(request, 2, "Connect");
  add_text(request, 3, connect_request.view());
  add_text(request, 5, start_metadata.view());
  Buffer<8192> frame;
  frame.add_big_endian(static_cast<uint32_t>(request.view().size()));
  frame.add_big_endian(kFirstStream).add_byte(kRequestFrame).add_byte(0).add(request.view());
  if (!connect_request.fits()) refuse("is too long for an id", id);
  char header[kHeaderBytes];
  static char answer[kMostAnswerBytes];
  bool is_expected = send(fd, frame.c_str(), frame.view().size(), MSG_NOSIGNAL) ==
                         static_cast<ssize_t>(frame.view().size()) &&
                     read_answer(fd, path, header, sizeof(header));
  if (is_expected) {
    const uint32_t size = big_endian(header);
    is_expected =
        size <= sizeof(answer) && read_answer(fd, path, answer, size) && is_well({answer, size});
  }
  close(fd);
  return is_expected;
}

bool is_served(const SocketPath& path) {
  const int fd = connect_to(path);
  if (fd < 0) return false;
  // A shim that is being killed may still have its listener, and lets go of it now.
  pollfd polled{fd, POLLIN, 0};
  const bool is_held = poll(&polled, 1, kDyingMs) == 0;
  close(fd);
  return is_held;
}

int take_socket(const SocketPath& path) {
  if (unlink(path.c_str()) < 0 && errno != ENOENT) fail("remove", path.view());
  // Not close-on-exec: the driver serves it.
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (fd < 0) fail("make a socket for", path.view());
  const sockaddr_un address = address_of(path);
  const mode_t before = umask(0177);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) < 0) {
    fail("bind", path.view());
  }
  umask(before);
  if (listen(fd, SOMAXCONN) < 0) fail("listen at", path.view());
  return fd;
}

int lock_socket_dir(const SocketPath& path) {
  SocketPath directory;
  directory.add(path.view().substr(0, path.view().rfind('/')));
  // The directories above it are containerd's, and there; but nobody has to wait for that.
  for (size_t slash = directory.view().find('/', 1);;
       slash = directory.view().find('/', slash + 1)) {
    SocketPath part;
    part.add(directory.view().substr(0, slash));
    const bool is_last = slash == std::string_view::npos;
    if (mkdir(part.c_str(), is_last ? 0700 : 0711) < 0 && errno != EEXIST) {
      fail("make the directory", part.view());
    }
    if (is_last) break;
  }
  const int fd = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) fail("open", directory.view());
  while (flock(fd, LOCK_EX) < 0) {
    if (errno != EINTR) fail("lock", directory.view());
  }
  return fd;
}

}  // namespace tsoci::launcher::shim
