// Mounts that an engine wants to have made below a directory of its own: a container's rootfs.
#include <fcntl.h>
#include <sys/mount.h>

#include <string>
#include <vector>

#include "addon/functions.h"
#include "addon/own_thread.h"
#include "addon/request.h"
#include "sys/fd.h"
#include "sys/lookup.h"
#include "sys/mount_api.h"

namespace tsoci::addon {
namespace {

using sys::Error;
using sys::Result;
using sys::UniqueFd;

/// A path below a directory, where links of that directory do not lead out of it.
struct Place {
  std::string dir;
  std::string target;

  Result<UniqueFd> open_target() const {
    const UniqueFd root(open(dir.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!root.is_open()) return Error::from_errno("open", "\"%s\"", dir.c_str());
    return sys::openat2(root.get(), target.empty() ? "." : target.c_str(), O_PATH,
                        RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
  }
};

struct NewMount {
  std::string type;
  std::string source;
  std::string data;
  unsigned long flags = 0;
  std::string working_dir;
  Place place;
  int idmap_fd = -1;
  std::vector<std::string> idmap_dirs;
};

Place place_of(Request& request) { return {request.string("dir"), request.string("target")}; }

/// mount(2) and umount2(2) take only names; this one leads nowhere but to what is open.
std::string name_of(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

/// In a thread that nobody else's relative paths are resolved in.
Result<UniqueFd> mount_here(const NewMount& wanted) {
  const UniqueFd target = TRY(wanted.place.open_target());
  if (!wanted.working_dir.empty() && chdir(wanted.working_dir.c_str()) < 0) {
    return Error::from_errno("chdir", "\"%s\"", wanted.working_dir.c_str());
  }
  if (mount(wanted.source.c_str(), name_of(target.get()).c_str(), wanted.type.c_str(), wanted.flags,
            wanted.data.c_str()) < 0) {
    return Error::from_errno("mount", "options \"%.300s\"", wanted.data.c_str());
  }
  UniqueFd mounted = TRY(wanted.place.open_target());
  const struct statx below = TRY(sys::look_at(target.get()));
  const struct statx above = TRY(sys::look_at(mounted.get()));
  if (!sys::is_mount_root(above) || above.stx_mnt_id == below.stx_mnt_id) {
    return Error::refusal("\"%s\" was moved while it was mounted on", wanted.place.target.c_str());
  }
  return mounted;
}

Result<void> map_ids(int tree, int idmap_fd) {
  return sys::mount_setattr(
      tree, AT_RECURSIVE, {.set = MOUNT_ATTR_IDMAP, .userns_fd = static_cast<uint64_t>(idmap_fd)});
}

/// Mounts `dir` on itself, id-mapped.
Result<void> map_ids_at(const std::string& dir, int idmap_fd) {
  const UniqueFd tree = TRY(sys::clone_tree(AT_FDCWD, dir.c_str(), 0));
  TRY_VOID(map_ids(tree.get(), idmap_fd));
  const UniqueFd target(open(dir.c_str(), O_PATH | O_CLOEXEC));
  if (!target.is_open()) return Error::from_errno("open", "\"%s\"", dir.c_str());
  return sys::move_mount(tree.get(), target.get());
}

/// Ids can be mapped only while nobody has the mount, and overlay maps those of its layers by the
/// mounts that they are in. So it is made in a mount namespace of this thread, where layers are
/// covered by id-mapped mounts of themselves under the same names, and a copy is attached outside.
Result<UniqueFd> mount_id_mapped(const NewMount& wanted) {
  const UniqueFd outside(open("/proc/thread-self/ns/mnt", O_RDONLY | O_CLOEXEC));
  if (!outside.is_open()) return Error::from_errno("open", "\"/proc/thread-self/ns/mnt\"");
  const UniqueFd target = TRY(wanted.place.open_target());
  if (unshare(CLONE_NEWNS) < 0) return Error::from_errno("unshare(CLONE_NEWNS)");
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0) {
    return Error::from_errno("mount", "\"/\" private");
  }
  for (const std::string& dir : wanted.idmap_dirs) TRY_VOID(map_ids_at(dir, wanted.idmap_fd));
  const UniqueFd mounted = TRY(mount_here(wanted));
  UniqueFd tree = TRY(sys::clone_tree(mounted.get(), 0));
  if (wanted.idmap_dirs.empty()) TRY_VOID(map_ids(tree.get(), wanted.idmap_fd));
  if (setns(outside.get(), CLONE_NEWNS) < 0) return Error::from_errno("setns", "to our own mounts");
  TRY_VOID(sys::move_mount(tree.get(), target.get()));
  return tree;
}

}  // namespace

Napi::Value mount_filesystem(const Napi::CallbackInfo& info) {
  Request request(info);
  NewMount wanted;
  wanted.type = request.string("type");
  wanted.source = request.string("source");
  wanted.data = request.string("data");
  wanted.flags = static_cast<unsigned long>(request.number("flags"));
  wanted.working_dir = request.string("workingDir");
  wanted.place = place_of(request);
  wanted.idmap_fd = static_cast<int>(request.number("idmapFd"));
  wanted.idmap_dirs = request.strings("idmapDirs");
  if (!request.ok()) return info.Env().Undefined();
  Result<UniqueFd> mounted = call_in_thread(
      [&] { return wanted.idmap_fd < 0 ? mount_here(wanted) : mount_id_mapped(wanted); });
  if (!mounted) return throw_error(info.Env(), mounted.error());
  return Napi::Number::New(info.Env(), mounted.value().release());
}

Napi::Value attach_mount(const Napi::CallbackInfo& info) {
  Request request(info);
  const int fd = static_cast<int>(request.number("fd"));
  const Place place = place_of(request);
  if (!request.ok()) return info.Env().Undefined();
  Result<UniqueFd> target = place.open_target();
  if (!target) return throw_error(info.Env(), target.error());
  if (const auto moved = sys::move_mount(fd, target.value().get()); !moved) {
    return throw_error(info.Env(), moved.error());
  }
  return info.Env().Undefined();
}

Napi::Value change_mount(const Napi::CallbackInfo& info) {
  Request request(info);
  const int fd = static_cast<int>(request.number("fd"));
  const bool recursive = request.boolean("recursive");
  const sys::MountAttributes attributes{.set = request.unsigned64("set"),
                                        .clear = request.unsigned64("clear"),
                                        .propagation = request.unsigned64("propagation")};
  if (!request.ok()) return info.Env().Undefined();
  const auto changed = sys::mount_setattr(fd, recursive ? AT_RECURSIVE : 0, attributes);
  if (!changed) return throw_error(info.Env(), changed.error());
  return info.Env().Undefined();
}

Napi::Value detach_opened(const Napi::CallbackInfo& info) {
  Request request(info);
  const int fd = static_cast<int>(request.number("fd"));
  if (!request.ok()) return info.Env().Undefined();
  if (umount2(name_of(fd).c_str(), MNT_DETACH) < 0) {
    return throw_error(info.Env(), Error::from_errno("umount2", "descriptor %d", fd));
  }
  return info.Env().Undefined();
}

}  // namespace tsoci::addon
