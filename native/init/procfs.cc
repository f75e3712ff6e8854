// Writing kernel parameters and labels. The container's own /proc may be covered by anything
// (CVE-2025-52881), so init has a procfs that is mounted nowhere.
#include <limits.h>

#include "init/attach.h"

namespace tsoci::init {
namespace {

constexpr uint64_t kHarmless = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
constexpr uint64_t kProcRootInode = 1;

/// The root of a procfs, and not a file of one or of anything else.
Result<void> expect_procfs(int fd) {
  const uint32_t magic = TRY(sys::filesystem_magic(fd));
  const struct statx found = TRY(sys::look_at(fd));
  if (magic != PROC_SUPER_MAGIC || found.stx_ino != kProcRootInode) {
    return Error::refusal("\"/proc\" is no procfs (type 0x%x, inode %llu)", magic,
                          static_cast<unsigned long long>(found.stx_ino));
  }
  return {};
}

Result<UniqueFd> make_procfs() {
  const UniqueFd filesystem = TRY(sys::fsopen("proc"));
  TRY_VOID(sys::fsconfig_set(filesystem.get(), "source", "proc"));
  TRY_VOID(sys::fsconfig_command(filesystem.get(), FSCONFIG_CMD_CREATE));
  return sys::fsmount(filesystem.get(), kHarmless);
}

/// The procfs that is mounted, without what is mounted on it where the kernel lets us.
Result<UniqueFd> borrow_procfs() {
  Result<UniqueFd> copy = sys::clone_tree(AT_FDCWD, "/proc", AT_SYMLINK_NOFOLLOW);
  if (copy) {
    TRY_VOID(expect_procfs(copy.value().get()));
    return copy;
  }
  UniqueFd place(open("/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!place.is_open()) return Error::from_errno("open", "\"/proc\"");
  TRY_VOID(expect_procfs(place.get()));
  return place;
}

/// In a user namespace where part of /proc is hidden the kernel gives no new one: EPERM.
Result<UniqueFd> open_procfs() {
  Result<UniqueFd> made = make_procfs();
  if (made) TRY_VOID(expect_procfs(made.value().get()));
  if (made || made.error().number != EPERM) return made;
  return borrow_procfs();
}

/// Opens `path`. "self" is a symbolic link, which no lookup here follows: what it says stands for
/// it. That is our pid as this procfs counts, which for a borrowed one need not be getpid()'s.
Result<UniqueFd> open_file(int procfs, const char* path, uint64_t flags = O_WRONLY) {
  constexpr char kSelf[] = "self/";
  constexpr size_t kSelfSize = sizeof(kSelf) - 1;
  char own[PATH_MAX];
  path += strspn(path, "/");
  if (strncmp(path, kSelf, kSelfSize) == 0) {
    char pid[16] = "";
    if (readlinkat(procfs, "self", pid, sizeof(pid) - 1) <= 0) {
      return Error::from_errno("readlinkat", "\"/proc/self\"");
    }
    std::snprintf(own, sizeof(own), "%s/%s", pid, path + kSelfSize);
    path = own;
  }
  UniqueFd file = TRY(sys::openat2(
      procfs, path, flags | O_NOFOLLOW,
      RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS));
  if (TRY(sys::filesystem_magic(file.get())) != PROC_SUPER_MAGIC) {
    return Error::refusal("\"%s\" is no file of procfs", path);
  }
  return file;
}

/// In one call: each write to a file of procfs is a value of its own.
Result<void> write_value(int file, const char* path, const char* value) {
  const size_t size = strlen(value);
  const ssize_t written = sys::retry_eintr([&] { return write(file, value, size); });
  if (written < 0) return Error::from_errno("write", "\"%.200s\" to \"%.200s\"", value, path);
  if (static_cast<size_t>(written) != size) {
    return Error::refusal("\"%s\" took %zd bytes of %zu", path, written, size);
  }
  return {};
}

}  // namespace

Result<UniqueFd> open_own_descriptors(const Context& context) {
  return open_file(context.procfs.get(), "self/fd", O_PATH | O_DIRECTORY);
}

Result<void> carry_out(Context& context, const wire::WriteProcfsStep& step) {
  if (!context.procfs.is_open()) context.procfs = TRY(open_procfs());
  const UniqueFd file = TRY(open_file(context.procfs.get(), step.path));
  return write_value(file.get(), step.path, step.value);
}

Result<void> carry_out(Context& context, const wire::SetExecLabelStep& step) {
  if (!context.procfs.is_open()) context.procfs = TRY(open_procfs());
  Error missing = Error::refusal("no file for the label of %s", step.module);
  const char* path = nullptr;
  UniqueFd file;
  step.files.for_each([&](const char* next) {
    // Only a file that is not there lets another be tried: one that is refused is the one.
    if (file.is_open() || (path != nullptr && missing.number != ENOENT)) return;
    path = next;
    Result<UniqueFd> opened = open_file(context.procfs.get(), path);
    if (opened) {
      file = std::move(opened.value());
    } else {
      missing = opened.error();
    }
  });
  if (!file.is_open()) return missing;
  return write_value(file.get(), path, step.value);
}

Result<void> carry_out(Context& context, const wire::OpenProcfsStep&) {
  context.procfs = TRY(open_procfs());
  return {};
}

Result<void> carry_out(Context& context, const wire::CloseProcfsStep&) {
  context.procfs.reset();
  return {};
}

}  // namespace tsoci::init
