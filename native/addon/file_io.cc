// Files of the host. An engine's own file functions take longer to load than a whole `state` may
// take.
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>

#include "addon/functions.h"
#include "addon/request.h"
#include "sys/fd.h"

namespace tsoci::addon {
namespace {

using sys::Error;
using sys::Result;
using sys::UniqueFd;

constexpr size_t kFirstReadBytes = 4096;
/// More than any record, table of the kernel or log that is read as text; a sparse file may be
/// longer than memory.
constexpr size_t kMaxTextBytes = 64 << 20;

/// What to do when a descriptor that does not block has nothing to read yet.
enum class WhenEmpty { kFail, kWait };

/// Somebody else may have made a descriptor of the caller's non-blocking.
bool wait_for_input(int fd) {
  pollfd wait{fd, POLLIN, 0};
  return sys::retry_eintr([&] { return poll(&wait, 1, -1); }) > 0;
}

Result<void> read_all(int fd, size_t max_bytes, const char* path, WhenEmpty when_empty,
                      std::string& text) {
  size_t size = 0;
  while (true) {
    if (size == text.size()) text.resize(size == 0 ? kFirstReadBytes : size * 2);
    const ssize_t got =
        sys::retry_eintr([&] { return read(fd, text.data() + size, text.size() - size); });
    if (got < 0 && errno == EAGAIN && when_empty == WhenEmpty::kWait && wait_for_input(fd))
      continue;
    if (got < 0) return Error::from_errno("read", "\"%s\"", path);
    if (got == 0) break;
    size += static_cast<size_t>(got);
    if (size > max_bytes) {
      return Error::refusal("\"%s\" has more than %zu bytes", path, max_bytes);
    }
  }
  text.resize(size);
  return {};
}

/// Regular files only, and O_NONBLOCK: a FIFO would hang, a device never end.
Result<std::string> read_file_at(const std::string& path, size_t max_bytes) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!fd.is_open()) return Error::from_errno("open", "\"%s\"", path.c_str());
  struct stat status {};
  if (fstat(fd.get(), &status) < 0) return Error::from_errno("fstat", "\"%s\"", path.c_str());
  if (!S_ISREG(status.st_mode)) return Error::refusal("\"%s\" is not a regular file", path.c_str());
  std::string text;
  TRY_VOID(read_all(fd.get(), max_bytes, path.c_str(), WhenEmpty::kFail, text));
  return text;
}

/// One write, as files of the kernel want it; a file on a disk takes it whole too, or is full.
Result<void> write_file_at(const std::string& path, std::span<const uint8_t> bytes, int flags,
                           mode_t mode) {
  const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY | flags, mode));
  if (!fd.is_open()) return Error::from_errno("open", "\"%s\"", path.c_str());
  const ssize_t written =
      sys::retry_eintr([&] { return write(fd.get(), bytes.data(), bytes.size()); });
  if (written < 0) return Error::from_errno("write", "\"%s\"", path.c_str());
  if (static_cast<size_t>(written) != bytes.size()) {
    errno = ENOSPC;
    return Error::from_errno("write", "\"%s\"", path.c_str());
  }
  return {};
}

const char* kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "directory";
  return S_ISREG(mode) ? "file" : "other";
}

Napi::Value reply(Napi::Env env, const Result<void>& result) {
  return result ? env.Undefined() : throw_error(env, result.error());
}

Napi::Value bytes_of(Napi::Env env, const std::string& text) {
  Napi::Uint8Array bytes = Napi::Uint8Array::New(env, text.size());
  text.copy(reinterpret_cast<char*>(bytes.Data()), text.size());
  return bytes;
}

/// The reply of a call that takes one path and answers nothing.
Napi::Value call_on_path(const Napi::CallbackInfo& info, const char* name,
                         int (*call)(const char*)) {
  Request request(info);
  const std::string path = request.string("path");
  if (!request.ok() || call(path.c_str()) == 0) return info.Env().Undefined();
  return throw_error(info.Env(), Error::from_errno(name, "\"%s\"", path.c_str()));
}

}  // namespace

Napi::Value read_text(const Napi::CallbackInfo& info) {
  Request request(info);
  const std::string path = request.string("path");
  if (!request.ok()) return info.Env().Undefined();
  Result<std::string> text = read_file_at(path, kMaxTextBytes);
  if (!text) return throw_error(info.Env(), text.error());
  return Napi::String::New(info.Env(), text.value());
}

Napi::Value read_bytes(const Napi::CallbackInfo& info) {
  Request request(info);
  const std::string path = request.string("path");
  const int64_t max_bytes = request.number("maxBytes");
  if (!request.ok()) return info.Env().Undefined();
  Result<std::string> text = read_file_at(path, static_cast<size_t>(max_bytes));
  if (!text) return throw_error(info.Env(), text.error());
  return bytes_of(info.Env(), text.value());
}

Napi::Value read_to_end(const Napi::CallbackInfo& info) {
  Request request(info);
  const int fd = static_cast<int>(request.number("fd"));
  const int64_t max_bytes = request.number("maxBytes");
  if (!request.ok()) return info.Env().Undefined();
  std::string text;
  const std::string name = "descriptor " + std::to_string(fd);
  const Result<void> done =
      read_all(fd, static_cast<size_t>(max_bytes), name.c_str(), WhenEmpty::kWait, text);
  if (!done) return throw_error(info.Env(), done.error());
  return bytes_of(info.Env(), text);
}

Napi::Value write_text(const Napi::CallbackInfo& info) {
  struct How {
    const char* name;
    int flags;
  };
  constexpr How kHows[] = {
      {"existing", 0}, {"new", O_CREAT | O_EXCL}, {"replace", O_CREAT | O_TRUNC}};
  Request request(info);
  const std::string path = request.string("path");
  const std::string text = request.string("text");
  const std::string how = request.string("how");
  const auto mode = static_cast<mode_t>(request.number("mode"));
  if (!request.ok()) return info.Env().Undefined();
  for (const How& known : kHows) {
    if (how != known.name) continue;
    const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
    return reply(info.Env(), write_file_at(path, {bytes, text.size()}, known.flags, mode));
  }
  Napi::TypeError::New(info.Env(), "request field \"how\" is unknown").ThrowAsJavaScriptException();
  return info.Env().Undefined();
}

Napi::Value make_directory(const Napi::CallbackInfo& info) {
  Request request(info);
  const std::string path = request.string("path");
  const auto mode = static_cast<mode_t>(request.number("mode"));
  if (!request.ok() || mkdir(path.c_str(), mode) == 0) return info.Env().Undefined();
  return throw_error(info.Env(), Error::from_errno("mkdir", "\"%s\"", path.c_str()));
}

Napi::Value remove_directory(const Napi::CallbackInfo& info) {
  return call_on_path(info, "rmdir", rmdir);
}

Napi::Value remove_file(const Napi::CallbackInfo& info) {
  return call_on_path(info, "unlink", unlink);
}

Napi::Value rename_file(const Napi::CallbackInfo& info) {
  Request request(info);
  const std::string from = request.string("from");
  const std::string to = request.string("to");
  if (!request.ok() || rename(from.c_str(), to.c_str()) == 0) return info.Env().Undefined();
  return throw_error(info.Env(),
                     Error::from_errno("rename", "\"%s\" to \"%s\"", from.c_str(), to.c_str()));
}

Napi::Value list_directory(const Napi::CallbackInfo& info) {
  Request request(info);
  const std::string path = request.string("path");
  if (!request.ok()) return info.Env().Undefined();
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(opendir(path.c_str()), closedir);
  if (directory == nullptr) {
    return throw_error(info.Env(), Error::from_errno("open", "\"%s\"", path.c_str()));
  }
  Napi::Array entries = Napi::Array::New(info.Env());
  errno = 0;
  for (const dirent* entry = readdir(directory.get()); entry != nullptr;
       entry = readdir(directory.get())) {
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    Napi::Object item = Napi::Object::New(info.Env());
    item.Set("name", Napi::String::New(info.Env(), name));
    item.Set("isDirectory", Napi::Boolean::New(info.Env(), entry->d_type == DT_DIR));
    entries.Set(entries.Length(), item);
  }
  if (errno != 0) {
    return throw_error(info.Env(), Error::from_errno("getdents", "\"%s\"", path.c_str()));
  }
  return entries;
}

Napi::Value file_status(const Napi::CallbackInfo& info) {
  Request request(info);
  const std::string path = request.string("path");
  if (!request.ok()) return info.Env().Undefined();
  struct stat status {};
  if (lstat(path.c_str(), &status) < 0) {
    if (errno == ENOENT || errno == ENOTDIR) return info.Env().Undefined();
    return throw_error(info.Env(), Error::from_errno("lstat", "\"%s\"", path.c_str()));
  }
  Napi::Object reply = Napi::Object::New(info.Env());
  reply.Set("kind", Napi::String::New(info.Env(), kind_of(status.st_mode)));
  reply.Set("uid", Napi::Number::New(info.Env(), status.st_uid));
  reply.Set("mode", Napi::Number::New(info.Env(), status.st_mode & 07777));
  return reply;
}

Napi::Value change_owner(const Napi::CallbackInfo& info) {
  Request request(info);
  const std::string path = request.string("path");
  const uid_t uid = static_cast<uid_t>(request.number("uid"));
  if (!request.ok()) return info.Env().Undefined();
  if (lchown(path.c_str(), uid, static_cast<gid_t>(-1)) < 0) {
    return throw_error(info.Env(), Error::from_errno("lchown", "\"%s\"", path.c_str()));
  }
  return info.Env().Undefined();
}

Napi::Value is_writable(const Napi::CallbackInfo& info) {
  Request request(info);
  const std::string path = request.string("path");
  if (!request.ok()) return info.Env().Undefined();
  const bool yes = faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) == 0;
  return Napi::Boolean::New(info.Env(), yes);
}

Napi::Value real_path(const Napi::CallbackInfo& info) {
  Request request(info);
  const std::string path = request.string("path");
  if (!request.ok()) return info.Env().Undefined();
  char resolved[PATH_MAX];
  if (realpath(path.c_str(), resolved) == nullptr) {
    return throw_error(info.Env(), Error::from_errno("realpath", "\"%s\"", path.c_str()));
  }
  return Napi::String::New(info.Env(), resolved);
}

Napi::Value read_link(const Napi::CallbackInfo& info) {
  Request request(info);
  const std::string path = request.string("path");
  if (!request.ok()) return info.Env().Undefined();
  char target[PATH_MAX];
  const ssize_t size = readlink(path.c_str(), target, sizeof(target));
  if (size < 0) {
    return throw_error(info.Env(), Error::from_errno("readlink", "\"%s\"", path.c_str()));
  }
  return Napi::String::New(info.Env(), target, static_cast<size_t>(size));
}

Napi::Value open_file(const Napi::CallbackInfo& info) {
  struct How {
    const char* name;
    int flags;
    mode_t mode;
  };
  // Nobody may be at the other end of a FIFO: that is found out at once, and not waited for.
  constexpr How kHows[] = {{"read", O_RDONLY, 0},
                           {"input", O_RDONLY | O_NONBLOCK, 0},
                           {"readWrite", O_RDWR, 0},
                           {"path", O_PATH | O_DIRECTORY, 0},
                           {"append", O_WRONLY | O_APPEND | O_CREAT | O_SYNC | O_NONBLOCK, 0644},
                           {"new", O_WRONLY | O_CREAT | O_EXCL, 0600}};
  Request request(info);
  const std::string path = request.string("path");
  const std::string how = request.string("how");
  if (!request.ok()) return info.Env().Undefined();
  for (const How& known : kHows) {
    if (how != known.name) continue;
    const int fd = open(path.c_str(), known.flags | O_CLOEXEC | O_NOCTTY, known.mode);
    if (fd < 0) return throw_error(info.Env(), Error::from_errno("open", "\"%s\"", path.c_str()));
    // Whoever reads the other end may be slow, and is waited for.
    if (how == "append") fcntl(fd, F_SETFL, known.flags & ~O_NONBLOCK);
    return Napi::Number::New(info.Env(), fd);
  }
  Napi::TypeError::New(info.Env(), "request field \"how\" is unknown").ThrowAsJavaScriptException();
  return info.Env().Undefined();
}

Napi::Value close_file(const Napi::CallbackInfo& info) {
  Request request(info);
  const int fd = static_cast<int>(request.number("fd"));
  // A failed close still closes, and EBADF is a bug of ours that a test shall see.
  if (request.ok() && close(fd) < 0 && errno == EBADF) {
    return throw_error(info.Env(), Error::from_errno("close", "descriptor %d", fd));
  }
  return info.Env().Undefined();
}

Napi::Value write_bytes(const Napi::CallbackInfo& info) {
  Request request(info);
  const int fd = static_cast<int>(request.number("fd"));
  const std::span<const uint8_t> bytes = request.bytes("bytes");
  if (!request.ok()) return info.Env().Undefined();
  const ssize_t written = sys::retry_eintr([&] { return write(fd, bytes.data(), bytes.size()); });
  if (written < 0) return throw_error(info.Env(), Error::from_errno("write", "descriptor %d", fd));
  return Napi::Number::New(info.Env(), static_cast<double>(written));
}

}  // namespace tsoci::addon
