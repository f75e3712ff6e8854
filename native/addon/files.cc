// Files and mounts of the host that Node has no call for.
#include <fcntl.h>
#include <limits.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "addon/functions.h"
#include "addon/request.h"
#include "sys/fd.h"
#include "sys/lookup.h"

namespace tsoci::addon {
namespace {

using sys::Error;
using sys::Result;
using sys::UniqueFd;

constexpr long kNsfsMagic = 0x6e736673;

struct NamespaceName {
  int type;
  const char* name;
};

constexpr NamespaceName kNamespaceNames[] = {
    {CLONE_NEWNS, "mount"},      {CLONE_NEWPID, "pid"}, {CLONE_NEWNET, "network"},
    {CLONE_NEWIPC, "ipc"},       {CLONE_NEWUTS, "uts"}, {CLONE_NEWUSER, "user"},
    {CLONE_NEWCGROUP, "cgroup"}, {0x80, "time"},
};

const char* namespace_name(int type) {
  for (const NamespaceName& entry : kNamespaceNames) {
    if (entry.type == type) return entry.name;
  }
  return "unknown";
}

/// O_NONBLOCK: the path may name a FIFO, and nobody may ever write to it.
Result<UniqueFd> open_namespace_at(const std::string& path, int type) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!fd.is_open()) return Error::from_errno("open", "\"%s\"", path.c_str());
  struct statfs filesystem {};
  if (fstatfs(fd.get(), &filesystem) < 0)
    return Error::from_errno("fstatfs", "\"%s\"", path.c_str());
  if (filesystem.f_type != kNsfsMagic) {
    return Error::refusal("\"%s\" is not a namespace", path.c_str());
  }
  const int found = ioctl(fd.get(), NS_GET_NSTYPE);
  if (found < 0) return Error::from_errno("ioctl(NS_GET_NSTYPE)", "\"%s\"", path.c_str());
  if (found != type) {
    return Error::refusal("\"%s\" is a %s namespace, and must be a %s namespace", path.c_str(),
                          namespace_name(found), namespace_name(type));
  }
  return fd;
}

Result<UniqueFd> lock_directory_at(const std::string& path, bool wait) {
  const int operation = LOCK_EX | (wait ? 0 : LOCK_NB);
  while (true) {
    UniqueFd directory(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!directory.is_open()) return Error::from_errno("open", "\"%s\"", path.c_str());
    if (sys::retry_eintr([&] { return flock(directory.get(), operation); }) < 0) {
      return Error::from_errno("flock", "\"%s\"", path.c_str());
    }
    // While we waited it may have been removed, and another one made: the lock of what is gone
    // keeps nobody out.
    struct stat locked {};
    struct stat named {};
    if (fstat(directory.get(), &locked) < 0)
      return Error::from_errno("fstat", "\"%s\"", path.c_str());
    if (lstat(path.c_str(), &named) < 0) return Error::from_errno("lstat", "\"%s\"", path.c_str());
    if (locked.st_dev == named.st_dev && locked.st_ino == named.st_ino) return directory;
  }
}

/// Looked up below the root of `pid` by the kernel, so that links lead nowhere else.
Result<std::string> path_in_root_of(int pid, const std::string& path) {
  const std::string root_path = "/proc/" + std::to_string(pid) + "/root";
  const UniqueFd root(open(root_path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root.is_open()) return Error::from_errno("open", "\"%s\"", root_path.c_str());
  const UniqueFd found = TRY(sys::openat2(root.get(), path.c_str(), O_PATH, RESOLVE_IN_ROOT));
  const std::string shown = "/proc/self/fd/" + std::to_string(found.get());
  char name[PATH_MAX];
  const ssize_t size = readlink(shown.c_str(), name, sizeof(name));
  if (size < 0) return Error::from_errno("readlink", "\"%s\"", shown.c_str());
  return std::string(name, static_cast<size_t>(size));
}

Napi::Value reply_fd(Napi::Env env, Result<UniqueFd> fd) {
  if (!fd) return throw_error(env, fd.error());
  return Napi::Number::New(env, fd.value().release());
}

}  // namespace

Napi::Value open_namespace(const Napi::CallbackInfo& info) {
  Request request(info);
  const std::string path = request.string("path");
  const int type = static_cast<int>(request.number("nsType"));
  return request.ok() ? reply_fd(info.Env(), open_namespace_at(path, type))
                      : info.Env().Undefined();
}

Napi::Value path_in_root(const Napi::CallbackInfo& info) {
  Request request(info);
  const int pid = static_cast<int>(request.number("pid"));
  const std::string path = request.string("path");
  if (!request.ok()) return info.Env().Undefined();
  Result<std::string> found = path_in_root_of(pid, path);
  if (!found) return throw_error(info.Env(), found.error());
  return Napi::String::New(info.Env(), found.value());
}

Napi::Value lock_directory(const Napi::CallbackInfo& info) {
  Request request(info);
  const std::string path = request.string("path");
  const bool wait = request.boolean("wait");
  return request.ok() ? reply_fd(info.Env(), lock_directory_at(path, wait))
                      : info.Env().Undefined();
}

}  // namespace tsoci::addon
