// Paths that the container may not read, or not write. The plan has them last of all mounts.
#include "init/attach.h"

namespace tsoci::init {
namespace {

constexpr uint64_t kHarmless =
    MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

/// An empty tmpfs that can hold nothing, with an SELinux label unless that is empty.
Result<UniqueFd> make_empty_directory(const char* label) {
  // The root directory is an inode, and some kernels count one more.
  constexpr const char* kInodes[] = {"1", "2"};
  Result<UniqueFd> made = Error::refusal("no empty tmpfs");
  for (const char* inodes : kInodes) {
    const UniqueFd filesystem = TRY(sys::fsopen("tmpfs"));
    TRY_VOID(sys::fsconfig_set(filesystem.get(), "source", "tmpfs"));
    TRY_VOID(sys::fsconfig_set(filesystem.get(), "nr_blocks", "1"));
    TRY_VOID(sys::fsconfig_set(filesystem.get(), "nr_inodes", inodes));
    TRY_VOID(sys::fsconfig_set(filesystem.get(), "mode", "0755"));
    TRY_VOID(sys::fsconfig_set(filesystem.get(), "ro", nullptr));
    if (*label != '\0') TRY_VOID(sys::fsconfig_set(filesystem.get(), "context", label));
    if (Result<void> created = sys::fsconfig_command(filesystem.get(), FSCONFIG_CMD_CREATE);
        !created) {
      made = created.error();
      continue;
    }
    return sys::fsmount(filesystem.get(), kHarmless);
  }
  return made;
}

/// The container's /dev/null, held from the first mask on. If it is missing or anything else,
/// masking fails: binding an image's symbolic link would open what it leads to (CVE-2025-31133).
Result<int> null_device(Context& context) {
  if (!context.null_device.is_open()) {
    UniqueFd found = TRY(open_in_root(context, "/dev/null", O_PATH | O_NOFOLLOW));
    const struct statx device = TRY(sys::look_at(found.get()));
    if (!sys::is_null_device(device)) {
      return Error::refusal(
          "\"/dev/null\" has mode 0%o and number %u:%u, and must be character "
          "device 1:3",
          device.stx_mode, device.stx_rdev_major, device.stx_rdev_minor);
    }
    context.null_device = std::move(found);
  }
  return context.null_device.get();
}

Result<void> mask_file(Context& context, const wire::MaskPathStep& step, int target,
                       const struct statx& found) {
  const int source = TRY(null_device(context));
  if (sys::is_null_device(found)) return {};
  const UniqueFd tree = TRY(sys::clone_tree(source, 0));
  return attach(context, tree.get(), target, step.path);
}

Result<void> mask_directory(Context& context, const wire::MaskPathStep& step, int target,
                            const struct statx& found) {
  if (!context.empty_directory.is_open()) {
    // The first mask is the tmpfs itself: before Linux 6.15 only an attached mount can be cloned.
    context.empty_directory = TRY(make_empty_directory(step.label));
    return attach(context, context.empty_directory.get(), target, step.path);
  }
  const struct statx empty = TRY(sys::look_at(context.empty_directory.get()));
  const bool masked =
      empty.stx_dev_major == found.stx_dev_major && empty.stx_dev_minor == found.stx_dev_minor;
  if (masked) return {};
  const UniqueFd tree = TRY(sys::clone_tree(context.empty_directory.get(), 0));
  return attach(context, tree.get(), target, step.path);
}

}  // namespace

Result<void> carry_out(Context& context, const wire::MaskPathStep& step) {
  Result<UniqueFd> target = open_in_root(context, step.path);
  if (!target && target.error().number == ENOENT) return {};
  if (!target) return target.error();
  const struct statx found = TRY(sys::look_at(target.value().get()));
  const auto mask = S_ISDIR(found.stx_mode) ? mask_directory : mask_file;
  return mask(context, step, target.value().get(), found);
}

Result<void> carry_out(Context& context, const wire::MakePathReadOnlyStep& step) {
  Result<UniqueFd> target = open_in_root(context, step.path);
  if (!target && target.error().number == ENOENT) return {};
  if (!target) return target.error();
  // A copy has the attributes of what it covers, locked ones too: only one is added.
  Result<UniqueFd> tree = sys::clone_tree(target.value().get(), AT_RECURSIVE);
  if (tree) {
    TRY_VOID(sys::mount_setattr(tree.value().get(), AT_RECURSIVE, {.set = MOUNT_ATTR_RDONLY}));
    return attach(context, tree.value().get(), target.value().get(), step.path);
  }
  // An unbindable mount has no copy, but can be changed itself if it begins at the path.
  if (tree.error().number != EINVAL ||
      !sys::is_mount_root(TRY(sys::look_at(target.value().get())))) {
    return tree.error();
  }
  return sys::mount_setattr(target.value().get(), AT_RECURSIVE, {.set = MOUNT_ATTR_RDONLY});
}

}  // namespace tsoci::init
