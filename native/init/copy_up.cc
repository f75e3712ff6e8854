#include "init/copy_up.h"

#include <dirent.h>
#include <limits.h>
#include <linux/limits.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/xattr.h>

#include "sys/lookup.h"

namespace tsoci::init {
namespace {

/// Each level holds two descriptors, and the soft limit may be as low as 256.
constexpr int kMaxDepth = 100;

/// Room for a list of names and for a value, both at their largest. Taken from the kernel and given
/// back, so that it does not stay with the waiting init.
class AttributeRoom {
 public:
  AttributeRoom()
      : memory_(mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {}
  AttributeRoom(const AttributeRoom&) = delete;
  AttributeRoom& operator=(const AttributeRoom&) = delete;
  ~AttributeRoom() {
    if (is_there()) munmap(memory_, kSize);
  }
  bool is_there() const { return memory_ != MAP_FAILED; }
  char* names() const { return static_cast<char*>(memory_); }
  char* value() const { return names() + XATTR_LIST_MAX; }

 private:
  static constexpr size_t kSize = XATTR_LIST_MAX + XATTR_SIZE_MAX;
  void* memory_;
};

struct Copy {
  Context& context;
  const AttributeRoom& room;
};

/// As getdents64(2) writes it.
struct KernelDirent {
  uint64_t inode;
  int64_t offset;
  uint16_t size;
  uint8_t type;
  char name[];
};

/// Extended attributes that tmpfs does not take (or an unprivileged user may not set) are left
/// behind.
Result<void> copy_attributes(const Copy& copy, int from, int to) {
  const ssize_t names_size = flistxattr(from, copy.room.names(), XATTR_LIST_MAX);
  if (names_size < 0) return errno == ENOTSUP ? Result<void>() : Error::from_errno("flistxattr");
  const char* end = copy.room.names() + names_size;
  for (const char* name = copy.room.names(); name < end; name += strlen(name) + 1) {
    const ssize_t size = fgetxattr(from, name, copy.room.value(), XATTR_SIZE_MAX);
    if (size < 0 && (errno == ENODATA || errno == ENOTSUP)) continue;
    if (size < 0) return Error::from_errno("fgetxattr", "\"%s\"", name);
    if (fsetxattr(to, name, copy.room.value(), static_cast<size_t>(size), 0) < 0 &&
        errno != ENOTSUP && errno != EPERM && errno != EINVAL) {
      return Error::from_errno("fsetxattr", "\"%s\"", name);
    }
  }
  return {};
}

/// Gives the copy its original's owner; false when the user namespace has no such id, so that the
/// copy stays init's own.
Result<bool> copy_owner(int directory, const char* name, const struct statx& like) {
  constexpr int kFlags = AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW;
  if (fchownat(directory, name, like.stx_uid, like.stx_gid, kFlags) == 0) return true;
  if (errno == EINVAL) return false;
  return Error::from_errno("fchownat", "\"%s\"", name);
}

/// Owner, then mode (a change of owner takes set-id bits away), attributes and times of an open
/// file.
Result<void> copy_metadata(const Copy& copy, int from, int to, const struct statx& like) {
  // Set-id bits lend the owner's rights: not those of another one.
  const uint32_t kept = TRY(copy_owner(to, "", like)) ? 07777u : 01777u;
  if (fchmod(to, like.stx_mode & kept) < 0) return Error::from_errno("fchmod");
  TRY_VOID(copy_attributes(copy, from, to));
  const timespec times[2] = {{like.stx_atime.tv_sec, like.stx_atime.tv_nsec},
                             {like.stx_mtime.tv_sec, like.stx_mtime.tv_nsec}};
  if (futimens(to, times) < 0) return Error::from_errno("futimens");
  return {};
}

Result<void> copy_file(const Copy& copy, int from, int to_directory, const char* name,
                       const struct statx& like) {
  UniqueFd to(
      openat(to_directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!to.is_open()) return Error::from_errno("openat", "\"%s\"", name);
  constexpr size_t kChunk = size_t{1} << 30;
  ssize_t sent = 0;
  while ((sent = sys::retry_eintr([&] { return sendfile(to.get(), from, nullptr, kChunk); })) > 0) {
  }
  if (sent < 0) return Error::from_errno("sendfile", "\"%s\"", name);
  return copy_metadata(copy, from, to.get(), like);
}

Result<void> copy_symlink(int from_directory, int to_directory, const char* name,
                          const struct statx& like) {
  char target[PATH_MAX];
  const ssize_t size = readlinkat(from_directory, name, target, sizeof(target) - 1);
  if (size < 0) return Error::from_errno("readlinkat", "\"%s\"", name);
  target[size] = '\0';
  if (symlinkat(target, to_directory, name) < 0)
    return Error::from_errno("symlinkat", "\"%s\"", name);
  TRY(copy_owner(to_directory, name, like));
  return {};
}

/// Devices, FIFOs and sockets.
Result<void> copy_node(const Copy& copy, int to_directory, const char* name,
                       const struct statx& like) {
  const dev_t device = makedev(like.stx_rdev_major, like.stx_rdev_minor);
  if (mknodat(to_directory, name, like.stx_mode, device) < 0) {
    const Error error = Error::from_errno("mknodat", "\"%s\"", name);
    // A user namespace makes no devices, and one could not be opened there either.
    if (error.number != EPERM) return error;
    warn(copy.context, error);
    return {};
  }
  TRY(copy_owner(to_directory, name, like));
  return {};
}

Result<void> copy_directory(const Copy& copy, int from, int to, int depth);

Result<void> copy_entry(const Copy& copy, int from, int to, const char* name, int depth) {
  UniqueFd entry = TRY(sys::open_entry(from, name));
  const struct statx like = TRY(sys::look_at(entry.get()));
  const uint32_t type = like.stx_mode & S_IFMT;
  if (type == S_IFLNK) return copy_symlink(from, to, name, like);
  if (type != S_IFREG && type != S_IFDIR) return copy_node(copy, to, name, like);

  // Its type is known by now: opening a FIFO or a device would wait or act.
  const uint64_t flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | (type == S_IFDIR ? O_DIRECTORY : 0);
  const UniqueFd readable = TRY(sys::open_entry(from, name, flags));
  if (!sys::is_same_place(TRY(sys::look_at(readable.get())), like)) {
    return Error::refusal("\"%s\" was replaced while it was copied", name);
  }
  entry.reset();
  if (type == S_IFREG) return copy_file(copy, readable.get(), to, name, like);
  if (mkdirat(to, name, 0700) < 0) return Error::from_errno("mkdirat", "\"%s\"", name);
  const UniqueFd made = TRY(sys::open_entry(to, name, O_RDONLY | O_DIRECTORY));
  TRY_VOID(copy_directory(copy, readable.get(), made.get(), depth + 1));
  return copy_metadata(copy, readable.get(), made.get(), like);
}

Result<void> copy_directory(const Copy& copy, int from, int to, int depth) {
  if (depth > kMaxDepth) {
    return Error::refusal("tmpcopyup of directories more than %d levels deep", kMaxDepth);
  }
  alignas(KernelDirent) char entries[1024];
  for (;;) {
    const long size = syscall(SYS_getdents64, from, entries, sizeof(entries));
    if (size < 0) return Error::from_errno("getdents64");
    if (size == 0) return {};
    for (long offset = 0; offset < size;) {
      const auto* entry = reinterpret_cast<const KernelDirent*>(entries + offset);
      offset += entry->size;
      if (strcmp(entry->name, ".") == 0 || strcmp(entry->name, "..") == 0) continue;
      TRY_VOID(copy_entry(copy, from, to, entry->name, depth));
    }
  }
}

}  // namespace

Result<void> copy_up(Context& context, int source, int tree) {
  const sys::NoUmask exact_modes;
  const AttributeRoom room;
  if (!room.is_there()) return Error::from_errno("mmap");
  const Copy copy{context, room};
  const UniqueFd from = TRY(sys::open_entry(source, ".", O_RDONLY | O_DIRECTORY));
  const UniqueFd to = TRY(sys::open_entry(tree, ".", O_RDONLY | O_DIRECTORY));
  const struct statx like = TRY(sys::look_at(from.get()));
  TRY_VOID(copy_directory(copy, from.get(), to.get(), 0));
  // The mode is an option of the file system; the owner only follows from what is covered.
  TRY(copy_owner(to.get(), "", like));
  return copy_attributes(copy, from.get(), to.get());
}

}  // namespace tsoci::init
