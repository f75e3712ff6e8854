// The mount API: mounts are made and changed while they are detached, and attached by descriptor.
#ifndef TSOCI_NATIVE_SYS_MOUNT_API_H_
#define TSOCI_NATIVE_SYS_MOUNT_API_H_

#include <cstdint>

#include "sys/fd.h"
#include "sys/kernel_compat.h"
#include "sys/result.h"

namespace tsoci::sys {

/// As mount_setattr(2) wants it; glibc has it from 2.36 on.
struct MountAttributes {
  uint64_t set = 0;
  uint64_t clear = 0;
  uint64_t propagation = 0;
  uint64_t userns_fd = 0;
};

/// A detached copy of the mount at `path`; with AT_RECURSIVE in `flags` of all below it, too.
inline Result<UniqueFd> clone_tree(int directory, const char* path, unsigned flags) {
  const long fd = retry_eintr([&] {
    return syscall(SYS_open_tree, directory, path, flags | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  });
  if (fd < 0) return Error::from_errno("open_tree", "\"%s\"", path);
  return UniqueFd(static_cast<int>(fd));
}

/// A detached copy of the mount behind `fd`, with what `fd` names as its root.
inline Result<UniqueFd> clone_tree(int fd, unsigned flags) {
  return clone_tree(fd, "", flags | AT_EMPTY_PATH);
}

inline Result<void> move_mount(int tree, int target) {
  if (syscall(SYS_move_mount, tree, "", target, "",
              MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0) {
    return Error::from_errno("move_mount");
  }
  return {};
}

inline Result<UniqueFd> fsopen(const char* type) {
  const long fd = syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
  if (fd < 0) return Error::from_errno("fsopen", "\"%s\"", type);
  return UniqueFd(static_cast<int>(fd));
}

/// The context to reconfigure the file system whose mount is behind `fd`.
inline Result<UniqueFd> fspick(int fd) {
  const long picked = syscall(SYS_fspick, fd, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH);
  if (picked < 0) return Error::from_errno("fspick");
  return UniqueFd(static_cast<int>(picked));
}

/// The error of an fsconfig(2) or fsmount(2) that just failed, in the file system's own words if it
/// left any in its context.
inline Error filesystem_error(int context, const char* call, const char* what) {
  Error error = Error::from_errno(call, "%s", what);
  char line[384];
  // One message a read, "e " before an error's text; ENODATA after the last.
  for (ssize_t size; (size = ::read(context, line, sizeof(line) - 1)) > 0;) {
    if (size < 2 || line[0] != 'e') continue;
    while (size > 0 && line[size - 1] == '\n') --size;
    line[size] = '\0';
    std::snprintf(error.detail, sizeof(error.detail), "%s%s%s", what, *what == '\0' ? "" : ": ",
                  line + 2);
  }
  return error;
}

/// Gives a parameter to the file system; `value` is null for a flag.
inline Result<void> fsconfig_set(int context, const char* key, const char* value) {
  const int command = value == nullptr ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING;
  if (syscall(SYS_fsconfig, context, command, key, value, 0) == 0) return {};
  const int number = errno;
  char what[80];
  std::snprintf(what, sizeof(what), "\"%.60s%s\"", key, value == nullptr ? "" : "=");
  errno = number;
  return filesystem_error(context, "fsconfig", what);
}

/// `command` is FSCONFIG_CMD_CREATE or FSCONFIG_CMD_RECONFIGURE.
inline Result<void> fsconfig_command(int context, int command) {
  if (syscall(SYS_fsconfig, context, command, nullptr, nullptr, 0) == 0) return {};
  return filesystem_error(context, "fsconfig", "");
}

inline Result<UniqueFd> fsmount(int context, uint64_t attributes) {
  const long fd = syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, static_cast<unsigned>(attributes));
  if (fd < 0) return filesystem_error(context, "fsmount", "");
  return UniqueFd(static_cast<int>(fd));
}

/// Changes the mount whose root is behind `fd`; with AT_RECURSIVE in `flags` all below it, too.
inline Result<void> mount_setattr(int fd, unsigned flags, MountAttributes attributes) {
  // The access time settings are one field, not bits: it can only be replaced whole.
  if (((attributes.set | attributes.clear) & MOUNT_ATTR__ATIME) != 0) {
    attributes.clear |= MOUNT_ATTR__ATIME;
  }
  if (syscall(SYS_mount_setattr, fd, "", flags | AT_EMPTY_PATH, &attributes, sizeof(attributes)) <
      0) {
    return Error::from_errno("mount_setattr");
  }
  return {};
}

inline Result<void> pivot_root(const char* new_root, const char* put_old) {
  if (syscall(SYS_pivot_root, new_root, put_old) < 0) return Error::from_errno("pivot_root");
  return {};
}

}  // namespace tsoci::sys

#endif  // TSOCI_NATIVE_SYS_MOUNT_API_H_
