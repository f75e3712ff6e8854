// Bind mounts, and changes of mounts that are there.
#include <limits.h>
#include <unistd.h>

#include "init/attach.h"
#include "init/options.h"

namespace tsoci::init {
namespace {

/// What a bind mount's options replace as a whole.
constexpr uint64_t kReplaced = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
                               MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSYMFOLLOW;
/// What the kernel locks when a mount crosses into a user namespace that does not own it.
constexpr uint64_t kLockable =
    MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
constexpr uint64_t kAccessTimes = MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME;

/// The attributes of the mount behind `fd`, by statfs: statmount(2) needs Linux 6.8.
Result<uint64_t> attributes_of(int fd) {
  struct Name {
    unsigned long statfs_flag;
    uint64_t attribute;
  };
  // ST_RDONLY and the others; the values are the kernel's.
  constexpr Name kNames[] = {
      {0x0001, MOUNT_ATTR_RDONLY}, {0x0002, MOUNT_ATTR_NOSUID},  {0x0004, MOUNT_ATTR_NODEV},
      {0x0008, MOUNT_ATTR_NOEXEC}, {0x0400, MOUNT_ATTR_NOATIME}, {0x0800, MOUNT_ATTR_NODIRATIME},
  };
  constexpr unsigned long kStRelatime = 0x1000;
  struct statfs found {};
  if (fstatfs(fd, &found) < 0) return Error::from_errno("fstatfs");
  const auto flags = static_cast<unsigned long>(found.f_flags);
  uint64_t attributes = 0;
  for (const Name& name : kNames) {
    if ((flags & name.statfs_flag) != 0) attributes |= name.attribute;
  }
  if ((flags & kStRelatime) == 0 && (attributes & MOUNT_ATTR_NOATIME) == 0) {
    attributes |= MOUNT_ATTR_STRICTATIME;
  }
  return attributes;
}

/// Gives the detached bind mount the attributes that its options name, and only those, as
/// `mount --bind -o …` does.
///
/// Access times stay as they are unless an option sets them: a set bit, or MOUNT_ATTR__ATIME
/// cleared as a whole (relatime). Taking one of them back (`atime`) changes nothing, as with
/// mount(8).
///
/// In a user namespace attributes of the source may be locked. They stay, unless the options take
/// one of them back by name or want other access times: then the mount would not be what was asked
/// for, and the kernel's EPERM stands.
Result<void> replace_attributes(int tree, uint64_t set, uint64_t clear) {
  const bool sets_times =
      (set & kAccessTimes) != 0 || (clear & MOUNT_ATTR__ATIME) == MOUNT_ATTR__ATIME;
  const uint64_t replaced = kReplaced | (sets_times ? kAccessTimes : 0);
  Result<void> changed =
      sys::mount_setattr(tree, 0, {.set = set, .clear = replaced & ~(set & ~MOUNT_ATTR__ATIME)});
  if (changed || changed.error().number != EPERM) return changed;
  const uint64_t existing = TRY(attributes_of(tree));
  if ((existing & clear & kLockable) != 0) return changed;
  if (sets_times && (existing & kAccessTimes) != (set & kAccessTimes)) return changed;
  return sys::mount_setattr(tree, 0,
                            {.set = set & ~kAccessTimes, .clear = MOUNT_ATTR_NOSYMFOLLOW & ~set});
}

Result<void> set_bind_attributes(int tree, const wire::BindMountStep& step) {
  const uint64_t set = step.attributes_set;
  const uint64_t clear = step.attributes_clear;
  if (step.replace_attributes != 0) {
    return replace_attributes(tree, set, clear);
  }
  if ((set | clear) == 0) return {};
  return sys::mount_setattr(tree, 0, {.set = set, .clear = clear});
}

/// The flags of the file system itself that a remount names. What it does not name stays.
Result<void> reconfigure(int mount, const wire::RemountStep& step) {
  const UniqueFd filesystem = TRY(sys::fspick(mount));
  TRY_VOID(set_superblock_flags(filesystem.get(), step.sb_flags));
  if ((step.sb_flags & MS_RDONLY) == 0 && (step.attributes_clear & MOUNT_ATTR_RDONLY) != 0) {
    TRY_VOID(sys::fsconfig_set(filesystem.get(), "rw", nullptr));
  }
  TRY_VOID(set_options(filesystem.get(), step.options));
  return sys::fsconfig_command(filesystem.get(), FSCONFIG_CMD_RECONFIGURE);
}

/// The source is the caller's choice and is looked up as the caller would.
Result<UniqueFd> open_source(Context& context, const wire::BindMountStep& step) {
  if (step.source_fd >= 0) return UniqueFd(step.source_fd);
  if (step.opened_by_driver == 0) {
    const unsigned nofollow = step.copy_symlink != 0 ? AT_SYMLINK_NOFOLLOW : 0u;
    return sys::clone_tree(AT_FDCWD, step.source, recursive_flag(step.recursive != 0) | nofollow);
  }
  UniqueFd tree = TRY(ask_driver(context, wire::Request::kOpenMountSource));
  if (!tree.is_open()) return Error::refusal("the driver opened nothing for \"%s\"", step.source);
  return tree;
}

/// Makes the symbolic link behind `link` once more at `path`. The same one may be there already.
Result<void> copy_link(const Context& context, int link, const char* path) {
  char wanted[PATH_MAX];
  const ssize_t size = readlinkat(link, "", wanted, sizeof(wanted) - 1);
  if (size < 0) return Error::from_errno("readlinkat", "the source of \"%s\"", path);
  wanted[size] = '\0';
  const Entry entry = TRY(open_parent(context, path));
  if (symlinkat(wanted, entry.directory.get(), entry.name) == 0) return {};
  const Error refused = Error::from_errno("symlinkat", "\"%s\"", path);
  char found[PATH_MAX];
  const ssize_t found_size = readlinkat(entry.directory.get(), entry.name, found, sizeof(found));
  const bool same =
      found_size == size && std::memcmp(found, wanted, static_cast<size_t>(size)) == 0;
  if (same) return {};
  return refused;
}

}  // namespace

Result<void> carry_out(Context& context, const wire::BindMountStep& step) {
  const UniqueFd tree = TRY(open_source(context, step));
  const uint32_t type = TRY(sys::look_at(tree.get())).stx_mode;
  if (step.copy_symlink != 0 && S_ISLNK(type)) return copy_link(context, tree.get(), step.target);
  if (step.require_proc != 0 && TRY(sys::filesystem_magic(tree.get())) != PROC_SUPER_MAGIC) {
    return Error::refusal("\"%s\" cannot be mounted because \"%s\" is not of type proc",
                          step.target, step.source);
  }
  TRY_VOID(set_bind_attributes(tree.get(), step));
  TRY_VOID(finish_tree(tree.get(), step.recursive_set, step.recursive_clear, step.idmap_fd,
                       step.idmap_recursive != 0));
  const Target target = TRY(
      open_or_make(context, step.target, S_ISDIR(type) ? kDirectoryMountPoint : kFileMountPoint));
  TRY_VOID(refuse_inside_procfs(target.fd.get(), step.target, step.inside_proc != 0));
  TRY_VOID(attach(context, tree.get(), target.fd.get(), step.target));
  return set_propagation(tree.get(), step.propagation);
}

Result<void> carry_out(Context& context, const wire::RemountStep& step) {
  const UniqueFd mount = TRY(open_in_root(context, step.target));
  if (!sys::is_mount_root(TRY(sys::look_at(mount.get())))) {
    return Error::refusal("\"%s\" is not a mount point, and only one can be remounted",
                          step.target);
  }
  if (step.bind == 0) TRY_VOID(reconfigure(mount.get(), step));
  if ((step.attributes_set | step.attributes_clear) != 0) {
    TRY_VOID(sys::mount_setattr(mount.get(), 0,
                                {.set = step.attributes_set, .clear = step.attributes_clear}));
  }
  TRY_VOID(finish_tree(mount.get(), step.recursive_set, step.recursive_clear, -1, false));
  return set_propagation(mount.get(), step.propagation);
}

Result<void> carry_out(Context& context, const wire::UnmountStep& step) {
  const UniqueFd mount = TRY(open_in_root(context, step.target));
  const struct statx found = TRY(sys::look_at(mount.get()));
  if (!sys::is_mount_root(found)) {
    return Error::refusal("\"%s\" is not a mount point, and only one can be unmounted",
                          step.target);
  }
  if (sys::is_same_place(TRY(sys::look_at(context.rootfs.get())), found)) {
    return Error::refusal("\"%s\" is the container's root", step.target);
  }
  if (step.check_only != 0) return {};
  return detach(context, mount.get(), step.target);
}

}  // namespace tsoci::init
