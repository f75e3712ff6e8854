// Constants that the C library's headers may lack, each with the Linux version that brought it.
// Remove an entry when the oldest supported build machine has it.
#ifndef TSOCI_NATIVE_SYS_KERNEL_COMPAT_H_
#define TSOCI_NATIVE_SYS_KERNEL_COMPAT_H_

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>  // Linux 5.6
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

// System calls. From 424 on the numbers are the same on every architecture that tsoci builds for.
#ifndef SYS_open_tree
#define SYS_open_tree 428  // Linux 5.2
#endif
#ifndef SYS_move_mount
#define SYS_move_mount 429  // Linux 5.2
#endif
#ifndef SYS_fsopen
#define SYS_fsopen 430  // Linux 5.2
#endif
#ifndef SYS_fsconfig
#define SYS_fsconfig 431  // Linux 5.2
#endif
#ifndef SYS_fsmount
#define SYS_fsmount 432  // Linux 5.2
#endif
#ifndef SYS_fspick
#define SYS_fspick 433  // Linux 5.2
#endif
#ifndef SYS_openat2
#define SYS_openat2 437  // Linux 5.6
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442  // Linux 5.12
#endif
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452  // Linux 6.6
#endif

// The mount API, Linux 5.2. glibc has these from 2.36 on.
#ifndef FSOPEN_CLOEXEC
#define FSOPEN_CLOEXEC 0x1
#endif
#ifndef FSMOUNT_CLOEXEC
#define FSMOUNT_CLOEXEC 0x1
#endif
#ifndef FSPICK_CLOEXEC
#define FSPICK_CLOEXEC 0x1
#endif
#ifndef FSPICK_EMPTY_PATH
#define FSPICK_EMPTY_PATH 0x8
#endif
#ifndef FSCONFIG_SET_FLAG
#define FSCONFIG_SET_FLAG 0
#endif
#ifndef FSCONFIG_SET_STRING
#define FSCONFIG_SET_STRING 1
#endif
#ifndef FSCONFIG_CMD_CREATE
#define FSCONFIG_CMD_CREATE 6
#endif
#ifndef FSCONFIG_CMD_RECONFIGURE
#define FSCONFIG_CMD_RECONFIGURE 7
#endif
#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 0x1
#endif
#ifndef OPEN_TREE_CLOEXEC
#define OPEN_TREE_CLOEXEC O_CLOEXEC
#endif
#ifndef MOVE_MOUNT_F_EMPTY_PATH
#define MOVE_MOUNT_F_EMPTY_PATH 0x4
#endif
#ifndef MOVE_MOUNT_T_EMPTY_PATH
#define MOVE_MOUNT_T_EMPTY_PATH 0x40
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#ifndef MOUNT_ATTR_RDONLY
#define MOUNT_ATTR_RDONLY 0x1
#define MOUNT_ATTR_NOSUID 0x2
#define MOUNT_ATTR_NODEV 0x4
#define MOUNT_ATTR_NOEXEC 0x8
#define MOUNT_ATTR__ATIME 0x70
#define MOUNT_ATTR_RELATIME 0x0
#define MOUNT_ATTR_NOATIME 0x10
#define MOUNT_ATTR_STRICTATIME 0x20
#define MOUNT_ATTR_NODIRATIME 0x80
#endif
#ifndef MOUNT_ATTR_IDMAP
#define MOUNT_ATTR_IDMAP 0x100000  // Linux 5.12
#endif
#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x200000  // Linux 5.14
#endif

#ifndef STATX_MNT_ID
#define STATX_MNT_ID 0x1000  // Linux 5.8
#endif
#ifndef STATX_ATTR_MOUNT_ROOT
#define STATX_ATTR_MOUNT_ROOT 0x2000  // Linux 5.8
#endif
#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)  // Linux 4.13
#endif

#endif  // TSOCI_NATIVE_SYS_KERNEL_COMPAT_H_
