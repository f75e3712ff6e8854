// What the container finds in /dev (and wherever else linux.devices puts a device), and its
// standard streams when they are /dev/null. Names may lead anywhere below the root; the last one is
// never followed.
#include "init/attach.h"

namespace tsoci::init {
namespace {

/// The kernel's name of a file's type, for people.
const char* describe_type(uint32_t mode) {
  switch (mode & S_IFMT) {
    case S_IFCHR:
      return "character device";
    case S_IFBLK:
      return "block device";
    case S_IFIFO:
      return "FIFO";
    case S_IFDIR:
      return "directory";
    case S_IFREG:
      return "regular file";
    case S_IFLNK:
      return "symbolic link";
    default:
      return "socket";
  }
}

/// Refuses what is not the device that the config names: config-linux.md#devices.
Result<void> expect_device(const struct statx& found, const char* path, uint32_t type,
                           uint32_t major, uint32_t minor) {
  if (sys::is_device(found, type, major, minor)) return {};
  return Error::refusal("\"%s\" is a %s (%u:%u), and must be a %s (%u:%u)", path,
                        describe_type(found.stx_mode), found.stx_rdev_major, found.stx_rdev_minor,
                        describe_type(type), major, minor);
}

/// Before Linux 6.6 a mode can only be changed by name. The one of the descriptor itself leads
/// nowhere else, if it is procfs that says so. Remove when the oldest supported kernel is 6.6.
Result<void> change_mode_by_link(int node, uint32_t mode) {
  const UniqueFd links(open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!links.is_open()) return Error::from_errno("open", "\"/proc/self/fd\"");
  if (TRY(sys::filesystem_magic(links.get())) != PROC_SUPER_MAGIC) {
    return Error::refusal("\"/proc/self/fd\" is no procfs, and a mode cannot be changed without");
  }
  char name[16];
  std::snprintf(name, sizeof(name), "%d", node);
  if (fchmodat(links.get(), name, mode, 0) < 0) return Error::from_errno("fchmodat");
  return {};
}

/// Gives a node that was there already the mode that the config asks for.
Result<void> change_mode(Context& context, int node, const wire::MakeDeviceStep& step) {
  if (syscall(SYS_fchmodat2, node, "", step.mode, AT_EMPTY_PATH) == 0) return {};
  const Error error = Error::from_errno("fchmodat2", "\"%s\"", step.path);
  if (error.number != ENOSYS) return error;
  if (Result<void> changed = change_mode_by_link(node, step.mode); !changed) {
    warn(context, changed.error());
  }
  return {};
}

Result<void> expect_null(int fd) {
  return expect_device(TRY(sys::look_at(fd)), "/dev/null", S_IFCHR, 1, 3);
}

/// The container's /dev/null, which has to be one: the image may have put anything there.
Result<UniqueFd> open_null_device(const Context& context) {
  const UniqueFd place = TRY(open_in_root(context, "/dev/null", O_PATH | O_NOFOLLOW));
  TRY_VOID(expect_null(place.get()));
  UniqueFd device =
      TRY(open_in_root(context, "/dev/null", O_RDWR | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK));
  TRY_VOID(expect_null(device.get()));
  // It was there so as not to wait, had it been a FIFO after all; the program has no use for it.
  if (fcntl(device.get(), F_SETFL, 0) < 0) return Error::from_errno("fcntl(F_SETFL)");
  return device;
}

}  // namespace

Result<void> carry_out(Context& context, const wire::MakeDirectoryStep& step) {
  TRY(open_or_make(context, step.path, {.directory = true, .mode = step.mode}));
  return {};
}

Result<void> carry_out(Context& context, const wire::MakeSymlinkStep& step) {
  const Entry entry = TRY(open_parent(context, step.path));
  const int directory = entry.directory.get();
  if (symlinkat(step.target, directory, entry.name) == 0) return {};
  const Error error = Error::from_errno("symlinkat", "\"%s\"", step.path);
  if (error.number != EEXIST) return error;
  if (step.replace == 0) return {};

  char target[256];
  const ssize_t size = readlinkat(directory, entry.name, target, sizeof(target));
  if (size == static_cast<ssize_t>(strlen(step.target)) &&
      std::memcmp(target, step.target, static_cast<size_t>(size)) == 0) {
    return {};
  }
  // A directory stays: EISDIR.
  if (unlinkat(directory, entry.name, 0) < 0)
    return Error::from_errno("unlinkat", "\"%s\"", step.path);
  if (symlinkat(step.target, directory, entry.name) < 0) {
    return Error::from_errno("symlinkat", "\"%s\"", step.path);
  }
  return {};
}

Result<void> carry_out(Context& context, const wire::MakeDeviceStep& step) {
  const Entry entry = TRY(open_parent(context, step.path));
  const sys::NoUmask exact_mode;
  const bool made = mknodat(entry.directory.get(), entry.name, step.type | step.mode,
                            makedev(step.major, step.minor)) == 0;
  if (!made && errno == EPERM && step.type != S_IFIFO && !context.root_changed) {
    // A user namespace around all of us, which only the kernel knows of: the host's node will do.
    wire::BindDeviceStep bind{.path = step.path, .source = step.path};
    bind.type = step.type;
    bind.major = step.major;
    bind.minor = step.minor;
    return carry_out(context, bind);
  }
  const Error error = Error::from_errno("mknodat", "\"%s\"", step.path);
  Result<UniqueFd> node = sys::open_entry(entry.directory.get(), entry.name);
  if (!node) return made ? node.error() : error;
  const struct statx found = TRY(sys::look_at(node.value().get()));
  TRY_VOID(expect_device(found, step.path, step.type, step.major, step.minor));
  if (!made && step.always == 0) return {};
  if (found.stx_uid != step.uid || found.stx_gid != step.gid) {
    if (fchownat(node.value().get(), "", step.uid, step.gid, AT_EMPTY_PATH) < 0) {
      return Error::from_errno("fchownat", "\"%s\"", step.path);
    }
  }
  if ((found.stx_mode & 07777u) != step.mode) {
    return change_mode(context, node.value().get(), step);
  }
  return {};
}

Result<void> carry_out(Context& context, const wire::BindDeviceStep& step) {
  const UniqueFd tree = TRY(sys::clone_tree(AT_FDCWD, step.source, 0));
  const struct statx found = TRY(sys::look_at(tree.get()));
  TRY_VOID(expect_device(found, step.source, step.type, step.major, step.minor));
  const Entry entry = TRY(open_parent(context, step.path));
  const Target target = TRY(open_or_make_file(entry, 0644));
  return attach(context, tree.get(), target.fd.get(), step.path);
}

Result<void> carry_out(Context& context, const wire::ReopenNullStreamsStep&) {
  UniqueFd null_device;
  for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; ++stream) {
    Result<struct statx> found = sys::look_at(stream);
    if (!found && found.error().number != EBADF) return found.error();
    if (!found || !sys::is_null_device(found.value())) continue;
    if (!null_device.is_open()) {
      Result<UniqueFd> opened = open_null_device(context);
      // A /dev that the config bound from elsewhere may have none; the stream that is there works.
      if (!opened && opened.error().number == ENOENT) return {};
      null_device = TRY(std::move(opened));
    }
    if (dup2(null_device.get(), stream) < 0) return Error::from_errno("dup2", "stream %d", stream);
  }
  return {};
}

Result<void> carry_out(Context&, const wire::OwnStreamsStep& step) {
  for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; ++stream) {
    Result<struct statx> found = sys::look_at(stream);
    if (!found && found.error().number != EBADF) return found.error();
    // /dev/null is everybody's, and may be the host's.
    if (!found || sys::is_null_device(found.value()) || found.value().stx_uid == step.uid) continue;
    if (fchown(stream, step.uid, static_cast<gid_t>(-1)) == 0) continue;
    // An owner that our user namespace has no id for, or a read-only file system: the program may
    // still have what it needs, an open descriptor.
    if (errno != EPERM && errno != EROFS && errno != EINVAL) {
      return Error::from_errno("fchown", "stream %d", stream);
    }
  }
  return {};
}

}  // namespace tsoci::init
