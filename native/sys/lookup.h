// Opening files below a directory, and looking at what was opened.
#ifndef TSOCI_NATIVE_SYS_LOOKUP_H_
#define TSOCI_NATIVE_SYS_LOOKUP_H_

#include <linux/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "sys/fd.h"
#include "sys/kernel_compat.h"
#include "sys/result.h"

namespace tsoci::sys {

/// Opens `path` below `directory` as `resolve` says.
///
/// EAGAIN and EXDEV mean that something was renamed or mounted while the kernel stood at a "..".
/// With 128 tries about one lookup in a thousand still fails under renames as fast as a machine can
/// make them, and that one fails closed.
inline Result<UniqueFd> openat2(int directory, const char* path, uint64_t flags, uint64_t resolve,
                                uint64_t mode = 0) {
  constexpr int kTries = 128;
  struct open_how how {
    flags | O_CLOEXEC, mode, resolve
  };
  long fd = -1;
  for (int tries = 0; tries < kTries; ++tries) {
    fd = retry_eintr([&] { return syscall(SYS_openat2, directory, path, &how, sizeof(how)); });
    const bool raced =
        fd < 0 && (errno == EAGAIN || (errno == EXDEV && (resolve & RESOLVE_IN_ROOT) != 0));
    if (!raced) break;
  }
  if (fd < 0) return Error::from_errno("openat2", "\"%s\"", path);
  return UniqueFd(static_cast<int>(fd));
}

/// A lookup of one name in `directory` that can lead nowhere else. A symbolic link is opened
/// itself.
inline Result<UniqueFd> open_entry(int directory, const char* name, uint64_t flags = O_PATH) {
  return openat2(directory, name, flags | O_NOFOLLOW, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
}

/// What is behind `fd`: type, owner, device, and the mount through which it was opened.
inline Result<struct statx> look_at(int fd) {
  struct statx found {};
  // The call itself: musl has it from 1.2.4 on.
  if (syscall(SYS_statx, fd, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW,
              STATX_BASIC_STATS | STATX_MNT_ID, &found) < 0) {
    return Error::from_errno("statx");
  }
  return found;
}

inline bool is_mount_root(const struct statx& found) {
  return (found.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

/// The same file, seen through the same mount.
inline bool is_same_place(const struct statx& one, const struct statx& other) {
  return one.stx_mnt_id == other.stx_mnt_id && one.stx_ino == other.stx_ino &&
         one.stx_dev_major == other.stx_dev_major && one.stx_dev_minor == other.stx_dev_minor;
}

/// `type` is one of S_IFCHR, S_IFBLK and S_IFIFO; a FIFO has no number. Comparing the number alone
/// would take every regular file for device 0:0 (CVE-2026-88265).
inline bool is_device(const struct statx& found, uint32_t type, uint32_t major, uint32_t minor) {
  if ((found.stx_mode & S_IFMT) != type) return false;
  return type == S_IFIFO || (found.stx_rdev_major == major && found.stx_rdev_minor == minor);
}

inline bool is_null_device(const struct statx& found) { return is_device(found, S_IFCHR, 1, 3); }

/// The magic number of the file system behind `fd`.
inline Result<uint32_t> filesystem_magic(int fd) {
  struct statfs found {};
  if (retry_eintr([&] { return fstatfs(fd, &found); }) < 0) return Error::from_errno("fstatfs");
  return static_cast<uint32_t>(found.f_type);
}

/// Modes given to the kernel are exact while one of these lives.
class NoUmask {
 public:
  NoUmask() : saved_(umask(0)) {}
  NoUmask(const NoUmask&) = delete;
  NoUmask& operator=(const NoUmask&) = delete;
  ~NoUmask() { umask(saved_); }

 private:
  mode_t saved_;
};

}  // namespace tsoci::sys

#endif  // TSOCI_NATIVE_SYS_LOOKUP_H_
