// New file systems: made detached, filled and set up while nobody can reach them, attached last.
#include <sys/xattr.h>

#include "init/attach.h"
#include "init/copy_up.h"
#include "init/options.h"

namespace tsoci::init {
namespace {

using Step = wire::MountFilesystemStep;

/// mount(2) takes one page of options.
constexpr size_t kMaxDataSize = 4096;

/// True when only mount(2) can say what the step asks for: values of more than 255 bytes (overlay's
/// lowerdir), flags without a parameter (iversion), and subtypes (fuse.sshfs).
bool needs_classic_call(const Step& step) {
  return !have_parameters(step.sb_flags) || !fit_fsconfig(step.options, step.source) ||
         strchr(step.type, '.') != nullptr;
}

/// What /proc and /sys must be, or labels and masks would land on a fake (CVE-2019-19921).
Error explain_target_failure(const Step& step, const Error& failure) {
  if (step.plain_directory != 0 && (failure.number == ELOOP || failure.number == ENOTDIR)) {
    return Error::refusal(
        "filesystem \"%s\" must be mounted on ordinary directory, and \"%s\" is "
        "none",
        step.type, step.target);
  }
  return failure;
}

/// procfs may be mounted once more over its own root, which is no file of it.
Result<void> check_target(const Step& step, int target) {
  if (step.plain_directory != 0 && strcmp(step.type, "proc") == 0) {
    constexpr uint64_t kProcRootInode = 1;
    const struct statx found = TRY(sys::look_at(target));
    if (sys::is_mount_root(found) && found.stx_ino == kProcRootInode) return {};
  }
  return refuse_inside_procfs(target, step.target, step.inside_proc != 0);
}

bool is_tmpfs(const Step& step) { return strcmp(step.type, "tmpfs") == 0; }

/// Joins the options with commas, as mount(2) takes them.
Result<void> join_options(const Step& step, const char* extra, char (&data)[kMaxDataSize]) {
  size_t size = 0;
  bool fits = true;
  const auto append = [&](const char* text) {
    const size_t length = strlen(text);
    if (length == 0) return;
    if (size + length + 2 > sizeof(data)) {
      fits = false;
      return;
    }
    if (size > 0) data[size++] = ',';
    std::memcpy(data + size, text, length);
    size += length;
  };
  step.options.for_each(append);
  append(extra);
  data[size] = '\0';
  if (!fits) {
    return Error::refusal("options of \"%s\" take more than %zu bytes", step.target, sizeof(data));
  }
  return {};
}

/// Mounts on `target`, which becomes the working directory, and takes the mount off again: what is
/// returned is detached, like what fsmount(2) makes.
Result<UniqueFd> mount_on_directory(const Step& step, int target, const char* data) {
  if (fchdir(target) < 0) return Error::from_errno("fchdir", "\"%s\"", step.target);
  if (mount(step.source, ".", step.type, step.sb_flags, data) < 0) {
    return Error::from_errno("mount", "options \"%.300s\"", data);
  }
  // "." is still the directory below the mount. The name may be another mount's by now, which must
  // not be taken for this one: a lookup that begins at its own root goes no higher by "..", but
  // steps up to what is mounted there.
  const UniqueFd mounted = TRY(sys::openat2(target, "..", O_PATH | O_DIRECTORY, RESOLVE_IN_ROOT));
  const struct statx below = TRY(sys::look_at(target));
  if (TRY(sys::look_at(mounted.get())).stx_mnt_id == below.stx_mnt_id) {
    return Error::refusal("\"%s\" is not what was mounted on", step.target);
  }
  UniqueFd tree = TRY(sys::clone_tree(mounted.get(), 0));
  if (fchdir(mounted.get()) < 0) return Error::from_errno("fchdir", "\"%s\"", step.target);
  if (umount2(".", MNT_DETACH) < 0) return Error::from_errno("umount2", "\"%s\"", step.target);
  TRY_VOID(sys::mount_setattr(tree.get(), 0, {.set = step.attributes}));
  return tree;
}

/// Mounts with mount(2). `extra_option` may be empty.
Result<UniqueFd> mount_classic(const Step& step, int target, const char* extra_option) {
  char data[kMaxDataSize];
  TRY_VOID(join_options(step, extra_option, data));
  const UniqueFd back(open(".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!back.is_open()) return Error::from_errno("open", "\".\"");
  Result<UniqueFd> tree = mount_on_directory(step, target, data);
  if (fchdir(back.get()) < 0 && tree) return Error::from_errno("fchdir", "\".\"");
  return tree;
}

/// Mounts through a file system context. What is copied into the mount has to be written before it
/// becomes read-only.
Result<UniqueFd> mount_detached(Context& context, const Step& step, int target,
                                const char* inherited_mode) {
  const bool copies = step.copy_up != 0;
  const uint32_t early_flags =
      copies ? step.sb_flags & ~static_cast<uint32_t>(MS_RDONLY) : step.sb_flags;
  const UniqueFd filesystem = TRY(sys::fsopen(step.type));
  if (step.source[0] != '\0') {
    TRY_VOID(sys::fsconfig_set(filesystem.get(), "source", step.source));
  }
  TRY_VOID(set_superblock_flags(filesystem.get(), early_flags));
  TRY_VOID(set_options(filesystem.get(), step.options));
  if (inherited_mode != nullptr) {
    TRY_VOID(sys::fsconfig_set(filesystem.get(), "mode", inherited_mode));
  }
  TRY_VOID(sys::fsconfig_command(filesystem.get(), FSCONFIG_CMD_CREATE));
  if (!copies) return sys::fsmount(filesystem.get(), step.attributes);

  UniqueFd tree = TRY(
      sys::fsmount(filesystem.get(), step.attributes & ~static_cast<uint64_t>(MOUNT_ATTR_RDONLY)));
  TRY_VOID(copy_up(context, target, tree.get()));
  if (early_flags != step.sb_flags) {
    TRY_VOID(sys::fsconfig_set(filesystem.get(), "ro", nullptr));
    TRY_VOID(sys::fsconfig_command(filesystem.get(), FSCONFIG_CMD_RECONFIGURE));
  }
  if ((step.attributes & MOUNT_ATTR_RDONLY) != 0) {
    TRY_VOID(sys::mount_setattr(tree.get(), 0, {.set = MOUNT_ATTR_RDONLY}));
  }
  return tree;
}

/// Gives the root of a detached mount its SELinux label.
Result<void> label_root(int tree, const char* label) {
  // What fsmount(2) returns was opened with O_PATH, which has no attributes to set.
  const UniqueFd root = TRY(sys::openat2(tree, ".", O_RDONLY | O_DIRECTORY, RESOLVE_BENEATH));
  if (fsetxattr(root.get(), "security.selinux", label, strlen(label), 0) < 0) {
    return Error::from_errno("fsetxattr", "security.selinux \"%.200s\"", label);
  }
  return {};
}

}  // namespace

Result<void> carry_out(Context& context, const Step& step) {
  Result<Target> opened =
      open_or_make(context, step.target,
                   step.plain_directory != 0 ? kPlainDirectoryMountPoint : kDirectoryMountPoint);
  if (!opened) return explain_target_failure(step, opened.error());
  const int target = opened.value().fd.get();
  TRY_VOID(check_target(step, target));

  // A tmpfs takes the place of a directory that was there, and its permissions with it.
  char mode[24] = "";
  const bool inherits =
      is_tmpfs(step) && !opened.value().created && !has_option(step.options, "mode");
  if (inherits) {
    const struct statx covered = TRY(sys::look_at(target));
    std::snprintf(mode, sizeof(mode), "mode=%04o", covered.stx_mode & 07777u);
  }
  UniqueFd tree;
  if (needs_classic_call(step)) {
    tree = TRY(mount_classic(step, target, mode));
    if (step.copy_up != 0) TRY_VOID(copy_up(context, target, tree.get()));
  } else {
    constexpr size_t kNameSize = sizeof("mode=") - 1;
    tree = TRY(mount_detached(context, step, target, inherits ? mode + kNameSize : nullptr));
  }
  if (step.root_label[0] != '\0') TRY_VOID(label_root(tree.get(), step.root_label));
  TRY_VOID(finish_tree(tree.get(), step.recursive_set, step.recursive_clear, step.idmap_fd,
                       step.idmap_recursive != 0));
  TRY_VOID(attach(context, tree.get(), target, step.target));
  return set_propagation(tree.get(), step.propagation);
}

}  // namespace tsoci::init
