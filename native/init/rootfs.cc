// The container's root: attached, entered, and closed behind init.
#include "init/rootfs.h"

#include "init/attach.h"

namespace tsoci::init {
namespace {

Result<UniqueFd> open_root() {
  UniqueFd root(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root.is_open()) return Error::from_errno("open", "\"/\"");
  return root;
}

/// The root of the mount that `fd` is on: the only place where a mount's propagation can be set.
Result<UniqueFd> open_mount_root(int fd) {
  UniqueFd place = TRY(sys::open_entry(fd, "."));
  struct statx here = TRY(sys::look_at(place.get()));
  while (!sys::is_mount_root(here)) {
    UniqueFd parent(openat(place.get(), "..", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!parent.is_open()) return Error::from_errno("openat", "\"..\"");
    const struct statx above = TRY(sys::look_at(parent.get()));
    // In a chroot the root need not be the root of a mount.
    if (sys::is_same_place(above, here)) {
      return Error::refusal("the root of the mount that holds the rootfs is out of reach");
    }
    place = std::move(parent);
    here = above;
  }
  return place;
}

/// Refuses the host's own root: a container that shares it would have no inside.
Result<UniqueFd> open_rootfs(const char* path) {
  UniqueFd rootfs(open(path, O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!rootfs.is_open()) return Error::from_errno("open", "\"%s\"", path);
  const UniqueFd host_root = TRY(open_root());
  if (sys::is_same_place(TRY(sys::look_at(rootfs.get())), TRY(sys::look_at(host_root.get())))) {
    return Error::refusal("\"%s\" is the root of the host, and cannot be a container's", path);
  }
  return rootfs;
}

/// mount(2)'s flags for propagation, by descriptor.
Result<void> change_propagation(int mount, uint32_t flags) {
  return sys::mount_setattr(mount, recursive_flag((flags & MS_REC) != 0),
                            {.propagation = flags & ~static_cast<uint32_t>(MS_REC)});
}

}  // namespace

Result<void> enter_rootfs(Context& context) {
  if (fchdir(context.rootfs.get()) < 0) return Error::from_errno("fchdir", "rootfs");
  if (chroot(".") < 0) return Error::from_errno("chroot", "rootfs");
  if (chdir("/") < 0) return Error::from_errno("chdir", "\"/\"");
  context.rootfs = TRY(open_root());
  context.root_changed = true;
  return {};
}

Result<void> carry_out(Context&, const wire::SetPropagationStep& step) {
  if (mount(nullptr, "/", nullptr, step.flags, nullptr) < 0) {
    return Error::from_errno("mount", "\"/\" with propagation 0x%x", step.flags);
  }
  return {};
}

Result<void> carry_out(Context& context, const wire::AttachRootfsStep& step) {
  const UniqueFd place = TRY(open_rootfs(step.path));
  // The copy comes first: it inherits the master that a rootfsPropagation of slave receives from.
  context.rootfs = TRY(sys::clone_tree(place.get(), recursive_flag(step.recursive != 0)));
  if (step.own_namespace != 0) {
    // pivot_root refuses a root whose parent mount is shared, and attaching to one would show the
    // copy to all its peers.
    const UniqueFd parent = TRY(open_mount_root(place.get()));
    TRY_VOID(change_propagation(parent.get(), MS_PRIVATE));
  }
  if (Result<void> moved = sys::move_mount(context.rootfs.get(), place.get()); !moved) {
    errno = moved.error().number;
    return Error::from_errno("move_mount", "\"%s\"", step.path);
  }
  // The caller's own mounts stay as they are; what is mounted below the copy goes no further. Not
  // before the move: below a shared mount a tree becomes shared, whatever it was.
  if (step.own_namespace == 0) return change_propagation(context.rootfs.get(), MS_PRIVATE | MS_REC);
  return {};
}

Result<void> carry_out(Context& context, const wire::PivotRootStep&) {
  const UniqueFd host_root = TRY(open_root());
  if (fchdir(context.rootfs.get()) < 0) return Error::from_errno("fchdir", "rootfs");
  // The old root lands on top of the new one, so that no directory has to be made for it.
  TRY_VOID(sys::pivot_root(".", "."));
  if (fchdir(host_root.get()) < 0) return Error::from_errno("fchdir", "old root");
  // Before it goes: an unmount travels to the host as a mount does.
  if (mount("", ".", "", MS_SLAVE | MS_REC, nullptr) < 0) {
    return Error::from_errno("mount", "old root with propagation slave");
  }
  if (umount2(".", MNT_DETACH) < 0) return Error::from_errno("umount2", "old root");
  if (chdir("/") < 0) return Error::from_errno("chdir", "\"/\"");
  context.rootfs = TRY(open_root());
  context.root_changed = true;
  return {};
}

Result<void> carry_out(Context& context, const wire::ChangeRootStep&) {
  return enter_rootfs(context);
}

Result<void> carry_out(Context& context, const wire::MakeRootReadOnlyStep&) {
  return sys::mount_setattr(context.rootfs.get(), 0, {.set = MOUNT_ATTR_RDONLY});
}

Result<void> carry_out(Context& context, const wire::SetRootPropagationStep& step) {
  // A mount that is a slave stays one when it becomes shared. The root gets a peer group of its
  // own, which hears nothing from the host.
  if ((step.flags & MS_SHARED) != 0) {
    TRY_VOID(change_propagation(context.rootfs.get(), MS_PRIVATE));
  }
  return change_propagation(context.rootfs.get(), step.flags);
}

}  // namespace tsoci::init
