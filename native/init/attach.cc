#include "init/attach.h"

namespace tsoci::init {
namespace {

/// Says why a mount and its target do not fit when that is the reason; the kernel says EINVAL.
Error explain_move_failure(const Error& failure, int tree, int target, const char* path) {
  Result<struct statx> source = sys::look_at(tree);
  Result<struct statx> covered = sys::look_at(target);
  if (source && covered) {
    const bool directory = S_ISDIR(source.value().stx_mode);
    if (directory != S_ISDIR(covered.value().stx_mode)) {
      return Error::refusal("\"%s\" is %s directory, and the source is %s", path,
                            directory ? "not a" : "a", directory ? "one" : "not");
    }
  }
  Error error = failure;
  std::snprintf(error.detail, sizeof(error.detail), "\"%s\"", path);
  return error;
}

/// Keeps hold of a mount in a running container until all that were asked for are there.
Result<void> remember(Context& context, int tree) {
  if (!context.joined_container) return {};
  if (context.attached_count == std::size(context.attached)) {
    return Error::refusal("more than %zu mounts at once", std::size(context.attached));
  }
  const int kept = fcntl(tree, F_DUPFD_CLOEXEC, 3);
  if (kept < 0) return Error::from_errno("fcntl(F_DUPFD_CLOEXEC)");
  context.attached[context.attached_count++].reset(kept);
  return {};
}

}  // namespace

Result<void> attach(Context& context, int tree, int target, const char* path) {
  const struct statx root = TRY(sys::look_at(context.rootfs.get()));
  const struct statx covered = TRY(sys::look_at(target));
  TRY_VOID(remember(context, tree));
  if (Result<void> moved = sys::move_mount(tree, target); !moved) {
    return explain_move_failure(moved.error(), tree, target, path);
  }
  if (sys::is_same_place(root, covered)) {
    // A mount over the root itself: from here on it is the root, or nobody would ever see it.
    const int root_fd = fcntl(tree, F_DUPFD_CLOEXEC, 3);
    if (root_fd < 0) return Error::from_errno("fcntl(F_DUPFD_CLOEXEC)");
    context.rootfs.reset(root_fd);
  }
  const UniqueFd again = TRY(open_in_root(context, path));
  if (!sys::is_same_place(TRY(sys::look_at(again.get())), TRY(sys::look_at(tree)))) {
    return Error::refusal("\"%s\" was moved while it was mounted on", path);
  }
  return {};
}

Result<void> detach(const Context& context, int mount, const char* path) {
  // umount2(2) takes only names: that of the descriptor itself leads nowhere else.
  const UniqueFd descriptors = TRY(open_own_descriptors(context));
  if (fchdir(descriptors.get()) < 0) return Error::from_errno("fchdir", "\"/proc/self/fd\"");
  char name[16];
  std::snprintf(name, sizeof(name), "%d", mount);
  if (umount2(name, MNT_DETACH) < 0) return Error::from_errno("umount2", "\"%s\"", path);
  return {};
}

void detach_attached(Context& context) {
  while (context.attached_count > 0) {
    // What the container has moved or taken away meanwhile is its own affair.
    (void)detach(context, context.attached[--context.attached_count].get(), "");
  }
}

Result<void> set_propagation(int mount, const wire::NumberList& propagation) {
  for (uint32_t index = 0; index < propagation.size(); ++index) {
    const uint32_t flags = propagation[index];
    TRY_VOID(sys::mount_setattr(mount, recursive_flag((flags & MS_REC) != 0),
                                {.propagation = flags & ~static_cast<uint32_t>(MS_REC)}));
  }
  return {};
}

Result<void> finish_tree(int tree, uint64_t recursive_set, uint64_t recursive_clear, int idmap_fd,
                         bool idmap_recursive) {
  if ((recursive_set | recursive_clear) != 0) {
    TRY_VOID(
        sys::mount_setattr(tree, AT_RECURSIVE, {.set = recursive_set, .clear = recursive_clear}));
  }
  if (idmap_fd >= 0) {
    TRY_VOID(sys::mount_setattr(
        tree, recursive_flag(idmap_recursive),
        {.set = MOUNT_ATTR_IDMAP, .userns_fd = static_cast<uint64_t>(idmap_fd)}));
  }
  return {};
}

Result<void> refuse_inside_procfs(int target, const char* path, bool allowed) {
  if (allowed) return {};
  if (TRY(sys::filesystem_magic(target)) == PROC_SUPER_MAGIC) {
    return Error::refusal("\"%s\" cannot be mounted because it is inside /proc", path);
  }
  return {};
}

}  // namespace tsoci::init
