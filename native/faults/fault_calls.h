// The system calls that a fault build lets fail, and how. A release build holds nothing of this:
// the linker redirects these names (-Wl,--wrap) only where CMakeLists.txt is told
// TSOCI_FAULT_POINTS.
//
// A call fails without having been made, in one of the ways of its row. The first errno is one that
// the kernel gives and no code of ours treats in a special way; those after it are the ones that
// some code lives with: a restart, another kernel, a missing right. `kShort` makes the call for
// fewer bytes than were asked for, as the kernel may.
//
// Not here: close and munmap, as a failed one still does its work and nobody is told; what only
// asks (getpid, clock_gettime) or cannot fail (sigaction of a known signal).
#ifndef TSOCI_NATIVE_FAULTS_FAULT_CALLS_H_
#define TSOCI_NATIVE_FAULTS_FAULT_CALLS_H_

/// X(symbol, which argument is a path or -1, what it answers when it fails, ways to fail...)
#define TSOCI_FAULT_CALLS(X)             \
  X(accept4, -1, -1, EMFILE, EINTR)      \
  X(bind, -1, -1, EIO)                   \
  X(chdir, 0, -1, EIO)                   \
  X(chmod, 0, -1, EIO)                   \
  X(chroot, 0, -1, EIO)                  \
  X(clone, -1, -1, ENOMEM)               \
  X(connect, -1, -1, ENOMEM)             \
  X(dup2, -1, -1, EIO)                   \
  X(dup3, -1, -1, EIO)                   \
  X(epoll_create1, -1, -1, EMFILE)       \
  X(epoll_ctl, -1, -1, ENOMEM)           \
  X(eventfd, -1, -1, EMFILE)             \
  X(execve, 0, -1, EIO)                  \
  X(faccessat, 1, -1, EIO)               \
  X(fchdir, -1, -1, EIO)                 \
  X(fchmod, -1, -1, EIO)                 \
  X(fchmodat, 1, -1, EIO)                \
  X(fchown, -1, -1, EIO)                 \
  X(fchownat, 1, -1, EIO)                \
  X(fcntl, -1, -1, EIO, EBUSY)           \
  X(fgetxattr, 1, -1, EIO)               \
  X(flistxattr, -1, -1, EIO)             \
  X(flock, -1, -1, ENOMEM, EINTR)        \
  X(fork, -1, -1, ENOMEM)                \
  X(fsetxattr, 1, -1, EIO)               \
  X(fstat, -1, -1, EIO)                  \
  X(fstatfs, -1, -1, EIO, EINTR)         \
  X(futimens, -1, -1, EIO)               \
  X(getrlimit, -1, -1, EIO)              \
  X(inotify_add_watch, 1, -1, ENOMEM)    \
  X(inotify_init1, -1, -1, EMFILE)       \
  X(ioctl, -1, -1, EIO)                  \
  X(kill, -1, -1, EIO)                   \
  X(lchown, 0, -1, EIO)                  \
  X(listen, -1, -1, EIO)                 \
  X(lstat, 0, -1, EIO)                   \
  X(memfd_create, 0, -1, EMFILE, EINVAL) \
  X(mkdir, 0, -1, ENOSPC)                \
  X(mkdirat, 1, -1, ENOSPC)              \
  X(mknodat, 1, -1, ENOSPC)              \
  X(mmap, -1, -1, ENOMEM)                \
  X(mount, 1, -1, EIO)                   \
  X(mremap, -1, -1, ENOMEM)              \
  X(open, 0, -1, EIO)                    \
  X(openat, 1, -1, EIO)                  \
  X(opendir, 0, 0, EMFILE)               \
  X(personality, -1, -1, EIO)            \
  X(pipe2, -1, -1, EMFILE)               \
  X(poll, -1, -1, ENOMEM, EINTR)         \
  X(prctl, -1, -1, EIO)                  \
  X(pread, -1, -1, EIO)                  \
  X(read, -1, -1, EIO, EINTR, kShort)    \
  X(readlink, 0, -1, EIO)                \
  X(readlinkat, 1, -1, EIO)              \
  X(realpath, 0, 0, EIO)                 \
  X(recv, -1, -1, ENOMEM)                \
  X(recvmsg, -1, -1, ENOMEM, EINTR)      \
  X(rename, 0, -1, ENOSPC)               \
  X(rmdir, 0, -1, EIO)                   \
  X(send, -1, -1, ENOMEM)                \
  X(sendfile, -1, -1, EIO)               \
  X(sendmsg, -1, -1, ENOBUFS, EINTR)     \
  X(sendto, -1, -1, ENOBUFS)             \
  X(setdomainname, 0, -1, EIO)           \
  X(setgroups, -1, -1, ENOMEM)           \
  X(sethostname, 0, -1, EIO)             \
  X(setns, -1, -1, ENOMEM, EPERM)        \
  X(setresgid, -1, -1, EAGAIN)           \
  X(setresuid, -1, -1, EAGAIN)           \
  X(setrlimit, -1, -1, EIO)              \
  X(setpgid, -1, -1, EPERM)              \
  X(setsid, -1, -1, EPERM)               \
  X(setsockopt, -1, -1, ENOMEM)          \
  X(socket, -1, -1, EMFILE)              \
  X(socketpair, -1, -1, EMFILE)          \
  X(stat, 0, -1, EIO)                    \
  X(symlinkat, 0, -1, ENOSPC)            \
  X(tcgetattr, -1, -1, EIO)              \
  X(tcsetattr, -1, -1, EIO)              \
  X(umount2, 0, -1, EIO)                 \
  X(unlink, 0, -1, EIO)                  \
  X(unlinkat, 1, -1, EIO)                \
  X(unshare, -1, -1, ENOMEM)             \
  X(waitid, -1, -1, EIO, EINTR)          \
  X(waitpid, -1, -1, EIO, EINTR)         \
  X(write, -1, -1, ENOSPC, EINTR, kShort)

/// The same of what goes through syscall(2): X(name, which argument is a path or -1, ways to
/// fail...)
#define TSOCI_FAULT_NUMBERS(X)          \
  X(bpf, -1, ENOMEM)                    \
  X(capget, -1, EIO)                    \
  X(capset, -1, EIO)                    \
  X(clone3, -1, ENOMEM)                 \
  X(close_range, -1, ENOMEM)            \
  X(dup3, -1, EIO)                      \
  X(execveat, -1, ENOMEM)               \
  X(fchmodat2, 1, EIO, ENOSYS)          \
  X(fcntl, -1, EIO)                     \
  X(fsconfig, -1, ENOMEM)               \
  X(fsmount, -1, ENOMEM, EPERM)         \
  X(fsopen, 0, ENOMEM, EPERM)           \
  X(fspick, 1, ENOMEM)                  \
  X(getcwd, -1, EIO)                    \
  X(getdents64, -1, EIO)                \
  X(ioprio_set, -1, EIO)                \
  X(keyctl, -1, ENOMEM, EDQUOT, ENOSYS) \
  X(mount_setattr, 1, EIO)              \
  X(move_mount, -1, EIO)                \
  X(open_tree, 1, ENOMEM, EINTR)        \
  X(openat2, 1, EIO, EINTR, EAGAIN)     \
  X(pidfd_open, -1, EMFILE)             \
  X(pidfd_send_signal, -1, EIO)         \
  X(pivot_root, 0, EIO)                 \
  X(prlimit64, -1, EIO)                 \
  X(rt_sigaction, -1, EIO)              \
  X(rt_sigprocmask, -1, EIO)            \
  X(sched_getaffinity, -1, EIO)         \
  X(sched_setaffinity, -1, EIO)         \
  X(sched_setattr, -1, EIO)             \
  X(sched_setscheduler, -1, EIO)        \
  X(seccomp, -1, ENOMEM)                \
  X(set_mempolicy, -1, EIO)             \
  X(statx, 1, EIO)                      \
  X(unshare, -1, ENOMEM)

/// What a program asks for by syscall(2) because it may not or must not go through a C library, and
/// that cannot fail.
#define TSOCI_FAULTLESS_NUMBERS(X) X(exit_group)

#endif  // TSOCI_NATIVE_FAULTS_FAULT_CALLS_H_
