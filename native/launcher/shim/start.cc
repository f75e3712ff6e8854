#include "launcher/shim/start.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "launcher/shim/annotations.h"
#include "launcher/shim/group_socket.h"
#include "launcher/shim/protobuf.h"

namespace tsoci::launcher::shim {
namespace {

/// What containerd sends is about one container: more is nobody's.
constexpr size_t kMostInputBytes = size_t{4} * 1024 * 1024;

/// The newest interface that is served, containerd.task.v3.
constexpr unsigned kNewestVersion = 3;

/// What a shell says of a process that was killed.
constexpr unsigned kKilledStatus = 128 + SIGKILL;

constexpr std::string_view kAddressPrefix = "unix://";

void write_all(int fd, std::string_view bytes, std::string_view subject) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("write", subject);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
}

Path in_bundle(const Call& call, std::string_view name) {
  Path path;
  path.add(call.bundle.view()).add("/").add(name);
  if (!path.fits()) refuse("is too long for a bundle", call.bundle.view());
  return path;
}

/// The whole file, mapped until the process ends.
std::string_view map_file(const Path& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
  struct stat status {};
  if (fd < 0 || fstat(fd, &status) < 0) fail("read", path.view());
  if (!S_ISREG(status.st_mode) || status.st_size == 0) refuse("is no config", path.view());
  const auto size = static_cast<size_t>(status.st_size);
  void* bytes = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (bytes == MAP_FAILED) fail("map", path.view());
  close(fd);
  return {static_cast<const char*>(bytes), size};
}

/// Puts what standard input has into memory, from where the driver reads it again.
std::string_view keep_input() {
  const int memory = memfd_create("containerd's input", MFD_CLOEXEC);
  if (memory < 0) fail("keep", "standard input");
  static char bytes[16 * 1024];
  size_t size = 0;
  while (true) {
    const ssize_t got = read(STDIN_FILENO, bytes, sizeof(bytes));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("read", "standard input");
    if (got == 0) break;
    size += static_cast<size_t>(got);
    if (size > kMostInputBytes) refuse("is longer than containerd's is", "standard input");
    write_all(memory, {bytes, static_cast<size_t>(got)}, "standard input");
  }
  lseek(memory, 0, SEEK_SET);
  if (dup2(memory, STDIN_FILENO) < 0) fail("keep", "standard input");
  if (size == 0) return {};
  const void* mapped = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, memory, 0);
  if (mapped == MAP_FAILED) fail("map", "standard input");
  return {static_cast<const char*>(mapped), size};
}

/// How containerd asks, which is how it wants to be answered: BootstrapParams since 2.3.
struct Asked {
  bool is_bootstrap = false;
  std::string_view grpc_address;
  std::string_view socket_dir = kDefaultSocketDir;
};

/// Bytes of one message can often be read as another, and nothing else tells containerd's version:
/// what counts is that id and namespace are those of the command line.
Asked read_input(const Call& call, std::string_view input) {
  std::string_view id, name_space, grpc_address, socket_dir;
  FieldReader fields(input);
  Field field;
  while (fields.next(field)) {
    if (field.number == 1) id = field.bytes;
    if (field.number == 2) name_space = field.bytes;
    if (field.number == 6) grpc_address = field.bytes;
    if (field.number == 9) socket_dir = field.bytes;
  }
  Asked asked{.grpc_address = call.grpc_address};
  if (!fields.ok() || id != call.id || name_space != call.name_space) return asked;
  asked.is_bootstrap = true;
  if (!grpc_address.empty()) asked.grpc_address = grpc_address;
  if (!socket_dir.empty()) asked.socket_dir = socket_dir;
  return asked;
}

/// To the byte: containerd trims nothing, and takes everything that is written for the answer. Who
/// asks in the older form gets the address alone, which every containerd from 1.4 on reads.
void answer(const Asked& asked, std::string_view address) {
  Buffer<512> bytes;
  if (asked.is_bootstrap) {
    add_number(bytes, 1, kNewestVersion);
    add_text(bytes, 2, address);
    add_text(bytes, 3, "ttrpc");
  } else {
    bytes.add(address);
  }
  write_all(STDOUT_FILENO, bytes.view(), "the answer");
}

void write_file(const Path& path, std::string_view text) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) fail("write", path.view());
  write_all(fd, text, path.view());
  close(fd);
}

/// False when the shim of this bundle never got as far as to have one.
bool read_address(const Call& call, SocketPath& path) {
  const int fd = open(in_bundle(call, "address").c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return false;
  char bytes[256];
  const ssize_t got = read(fd, bytes, sizeof(bytes));
  close(fd);
  const std::string_view address(bytes, got < 0 ? 0 : static_cast<size_t>(got));
  if (address.substr(0, kAddressPrefix.size()) != kAddressPrefix) return false;
  return path.add(address.substr(kAddressPrefix.size())).fits();
}

/// Lets go of whoever waits. The log is a fifo that containerd reads: both ends of it, so that
/// nobody waits for containerd, and nobody is killed when it goes.
void leave(const Call& call) {
  // What is sent to containerd's group, or to the terminal that it was started from, is not for it.
  setsid();
  int log = open(in_bundle(call, "log").c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (log < 0) log = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (log < 0 || dup2(log, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0) {
    fail("open", "/dev/null");
  }
  Buffer<24> pid;
  pid.add_decimal(static_cast<uint64_t>(getpid()));
  write_file(in_bundle(call, "shim.pid"), pid.view());
  // The bundle goes with its container, and the shim may stay.
  if (chdir("/") < 0) fail("enter", "/");
}

/// The socket of a shim that was killed, unless another has taken its place.
void remove_left_socket(const Call& call) {
  SocketPath path;
  if (!read_address(call, path)) return;
  const int lock = lock_socket_dir(path);
  if (!is_served(path)) unlink(path.c_str());
  close(lock);
}

bool is_unmounted(const Path& rootfs) {
  while (umount2(rootfs.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) {
  }
  return errno == EINVAL || errno == ENOENT;
}

int wait_for(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) fail("wait for", "the driver");
  }
  return status;
}

}  // namespace

void start(const Call& call, Path& served) {
  // What its caller has open would stay so for as long as the pod lives.
  if (syscall(SYS_close_range, STDERR_FILENO + 1U, ~0U, 0U) < 0)
    fail("close what is open for", call.id);
  const Asked asked = read_input(call, keep_input());
  const Path config = in_bundle(call, "config.json");
  Group group;
  if (!find_group(map_file(config), group)) refuse("is no JSON object", config.view());
  const SocketPath path = socket_path(asked.socket_dir, asked.grpc_address, call.name_space,
                                      group.view().empty() ? call.id : group.view());
  if (!path.fits()) refuse("is too long for a directory of sockets", asked.socket_dir);
  Path address;
  address.add(kAddressPrefix).add(path.view());

  // containerd finds the shim by it when it is restarted; newer ones keep what is answered.
  write_file(in_bundle(call, "address"), address.view());
  const int lock = lock_socket_dir(path);
  const bool is_joined = expects_container(path, call.id);
  const int listener = is_joined ? -1 : take_socket(path);
  close(lock);
  if (!is_joined) {
    const pid_t child = fork();
    if (child < 0) fail("fork for", call.id);
    if (child == 0) {
      leave(call);
      served.add_decimal(static_cast<uint64_t>(listener)).add(";").add(path.view());
      return;
    }
  }
  answer(asked, address.view());
  _exit(0);
}

void finish_delete(const Call& call) {
  struct stat status {};
  // A shim that has deleted its container has removed this too.
  const bool is_left = lstat(in_bundle(call, "options.json").c_str(), &status) == 0 ||
                       errno != ENOENT || !is_unmounted(in_bundle(call, "rootfs"));
  if (is_left) {
    const pid_t child = fork();
    if (child < 0) fail("fork for", call.id);
    if (child == 0) return;
    const int ended = wait_for(child);
    // Not before: what the shim was just starting may have had its listener too.
    remove_left_socket(call);
    _exit(WIFEXITED(ended) ? WEXITSTATUS(ended) : 1);
  }
  remove_left_socket(call);
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  Buffer<32> exited_at;
  add_number(exited_at, 1, static_cast<uint64_t>(now.tv_sec));
  add_number(exited_at, 2, static_cast<uint64_t>(now.tv_nsec));
  Buffer<64> response;
  add_number(response, 2, kKilledStatus);
  add_text(response, 3, exited_at.view());
  write_all(STDOUT_FILENO, response.view(), "the answer");
  _exit(0);
}

}  // namespace tsoci::launcher::shim
