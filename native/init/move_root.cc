// --no-pivot: on an initramfs the root cannot be pivoted away. It is covered instead, and chroot
// leaves what was mounted on the host within the mount namespace.
#include <limits.h>
#include <sys/mman.h>

#include "init/attach.h"
#include "init/mount_info.h"
#include "init/rootfs.h"

namespace tsoci::init {
namespace {

/// All of /proc/self/mountinfo, in memory that is given back. Mounts come and go while it is used.
class MountInfo {
 public:
  MountInfo() = default;
  MountInfo(const MountInfo&) = delete;
  MountInfo& operator=(const MountInfo&) = delete;
  ~MountInfo() {
    if (capacity_ > 0) munmap(text_, capacity_);
  }

  Result<void> read() {
    const UniqueFd file(open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC));
    if (!file.is_open()) return Error::from_errno("open", "\"/proc/self/mountinfo\"");
    for (size_t size = 0;;) {
      if (size + 1 >= capacity_) TRY_VOID(grow());
      const ssize_t got =
          sys::retry_eintr([&] { return ::read(file.get(), text_ + size, capacity_ - size - 1); });
      if (got < 0) return Error::from_errno("read", "\"/proc/self/mountinfo\"");
      if (got == 0) {
        text_[size] = '\0';
        return {};
      }
      size += static_cast<size_t>(got);
    }
  }

  char* text() const { return text_; }

 private:
  Result<void> grow() {
    const size_t wanted = capacity_ == 0 ? 64 * 1024 : 2 * capacity_;
    void* bytes = capacity_ == 0 ? mmap(nullptr, wanted, PROT_READ | PROT_WRITE,
                                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                                 : mremap(text_, capacity_, wanted, MREMAP_MAYMOVE);
    if (bytes == MAP_FAILED) return Error::from_errno("mmap");
    text_ = static_cast<char*>(bytes);
    capacity_ = wanted;
    return {};
  }

  char* text_ = nullptr;
  size_t capacity_ = 0;
};

bool is_below(const char* path, const char* directory) {
  const size_t size = strlen(directory);
  return strncmp(path, directory, size) == 0 && (path[size] == '\0' || path[size] == '/');
}

/// Takes one of the host's mounts away, or covers it where it may not be taken away.
Result<void> hide(const char* mount_point) {
  // An unmount must not travel to the host.
  if (mount(nullptr, mount_point, nullptr, MS_SLAVE | MS_REC, nullptr) < 0) {
    // It lies under another one that was hidden before.
    if (errno == ENOENT || errno == EINVAL) return {};
    return Error::from_errno("mount", "\"%s\" with propagation slave", mount_point);
  }
  if (umount2(mount_point, MNT_DETACH) == 0) return {};
  // EINVAL and EPERM: it came locked into our user namespace.
  if (errno != EINVAL && errno != EPERM) return Error::from_errno("umount2", "\"%s\"", mount_point);
  if (mount("tmpfs", mount_point, "tmpfs", 0, nullptr) < 0) {
    return Error::from_errno("mount", "\"%s\"", mount_point);
  }
  return {};
}

/// A whole procfs or sysfs anywhere in the mount namespace lets a user namespace mount fresh ones,
/// which show what the container's own masks hide.
Result<void> hide_host_filesystems(uint64_t rootfs_mount_id) {
  MountInfo mounts;
  TRY_VOID(mounts.read());
  char* rest = mounts.text();
  MountLine line;
  char rootfs[PATH_MAX] = "";
  while (next_line(rest, line)) {
    if (line.id == rootfs_mount_id) std::snprintf(rootfs, sizeof(rootfs), "%s", line.mount_point);
  }
  if (rootfs[0] == '\0') return Error::refusal("the rootfs is not in /proc/self/mountinfo");

  // Once more from the start: the first pass cut the text up.
  MountInfo again;
  TRY_VOID(again.read());
  rest = again.text();
  while (next_line(rest, line)) {
    const bool whole = strcmp(line.root, "/") == 0;
    const bool tells = strcmp(line.type, "proc") == 0 || strcmp(line.type, "sysfs") == 0;
    if (whole && tells && !is_below(line.mount_point, rootfs)) TRY_VOID(hide(line.mount_point));
  }
  return {};
}

}  // namespace

Result<void> carry_out(Context& context, const wire::MoveRootStep&) {
  const struct statx rootfs = TRY(sys::look_at(context.rootfs.get()));
  TRY_VOID(hide_host_filesystems(rootfs.stx_mnt_id));
  const UniqueFd host_root(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!host_root.is_open()) return Error::from_errno("open", "\"/\"");
  TRY_VOID(sys::move_mount(context.rootfs.get(), host_root.get()));
  return enter_rootfs(context);
}

}  // namespace tsoci::init
