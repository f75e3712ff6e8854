#include "init/resolve.h"

#include <limits.h>

namespace tsoci::init {
namespace {

/// As many as the kernel follows in one lookup.
constexpr int kMaxLinks = 40;

bool is_only_slashes(const char* text) { return text[strspn(text, "/")] == '\0'; }

/// Where the last component of the first `size` bytes of `path` begins.
size_t last_component(const char* path, size_t size) {
  while (size > 0 && path[size - 1] == '/') --size;
  while (size > 0 && path[size - 1] != '/') --size;
  return size;
}

/// A path that grows when a symbolic link is put in the place of one of its components.
class Path {
 public:
  Result<void> assign(const char* text) {
    size_t size = strlen(text);
    while (size > 1 && text[size - 1] == '/') --size;
    return join("", 0, text, size, "");
  }

  /// Replaces the component that begins at `begin` by `target`, which an absolute link roots anew.
  Result<void> replace_component(size_t begin, const char* target) {
    char old[PATH_MAX];
    std::memcpy(old, text_, size_ + 1);
    const size_t length = strcspn(old + begin, "/");
    const size_t kept = target[0] == '/' ? 0 : begin;
    return join(old, kept, target, strlen(target), old + begin + length);
  }

  const char* text() const { return size_ == 0 ? "/" : text_; }
  size_t size() const { return size_; }

  /// Opens the first `size` bytes.
  Result<UniqueFd> open_prefix(const Context& context, size_t size, uint64_t flags,
                               uint64_t resolve) {
    const char cut = std::exchange(text_[size], '\0');
    Result<UniqueFd> opened = open_in_root(context, size == 0 ? "/" : text_, flags, resolve);
    text_[size] = cut;
    return opened;
  }

 private:
  Result<void> join(const char* head, size_t head_size, const char* middle, size_t middle_size,
                    const char* tail) {
    const size_t tail_size = strlen(tail);
    if (head_size + middle_size + tail_size >= sizeof(text_)) {
      errno = ENAMETOOLONG;
      return Error::from_errno("openat2", "\"%.200s…\"", middle);
    }
    std::memcpy(text_, head, head_size);
    std::memcpy(text_ + head_size, middle, middle_size);
    std::memcpy(text_ + head_size + middle_size, tail, tail_size + 1);
    size_ = head_size + middle_size + tail_size;
    return {};
  }

  char text_[PATH_MAX] = "";
  size_t size_ = 0;
};

/// The longest part of a path that exists, and its size. It ends at the latest at the root itself.
struct Existing {
  UniqueFd directory;
  size_t size;
};

Result<Existing> open_existing(const Context& context, Path& path, uint64_t resolve) {
  for (size_t size = path.size();;) {
    size = last_component(path.text(), size);
    Result<UniqueFd> directory = path.open_prefix(context, size, O_PATH | O_DIRECTORY, resolve);
    if (directory) return Existing{std::move(directory.value()), size};
    if (directory.error().number != ENOENT || size == 0) return directory.error();
  }
}

/// Makes one directory in `parent`, or takes the one that appeared there since it was missing.
Result<UniqueFd> make_directory(int parent, const char* name, mode_t mode) {
  if (mkdirat(parent, name, mode) < 0 && errno != EEXIST) {
    return Error::from_errno("mkdirat", "\"%s\"", name);
  }
  UniqueFd made = TRY(sys::openat2(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW,
                                   RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV));
  if (TRY(sys::look_at(made.get())).stx_nlink == 0) {
    return Error::refusal("\"%s\" was removed while it was made", name);
  }
  return made;
}

/// True when one of the components is "..".
bool has_dots(const char* path) {
  for (const char* at = path; (at = strstr(at, "..")) != nullptr; at += 2) {
    const bool begins = at == path || at[-1] == '/';
    if (begins && (at[2] == '/' || at[2] == '\0')) return true;
  }
  return false;
}

/// Makes `rest`, of which nothing exists, below `parent`.
Result<Target> make_missing(UniqueFd parent, const char* rest, const Wanted& wanted) {
  // Where that would lead depends on directories that are not there yet.
  if (has_dots(rest)) {
    return Error::refusal("\"%s\" has \"..\" below a directory that does not exist", rest);
  }
  const sys::NoUmask exact_modes;
  char name[NAME_MAX + 1];
  for (;;) {
    rest += strspn(rest, "/");
    const size_t length = strcspn(rest, "/");
    if (length >= sizeof(name)) {
      errno = ENAMETOOLONG;
      return Error::from_errno("mkdirat", "\"%.100s…\"", rest);
    }
    std::memcpy(name, rest, length);
    name[length] = '\0';
    rest += length;
    const bool last = is_only_slashes(rest);
    if (last && !wanted.directory) {
      Entry entry{std::move(parent), name};
      return open_or_make_file(entry, wanted.mode);
    }
    if (strcmp(name, ".") != 0) {
      parent = TRY(make_directory(parent.get(), name, last ? wanted.mode : 0755));
    }
    if (last) return Target{std::move(parent), true};
  }
}

}  // namespace

Result<UniqueFd> open_in_root(const Context& context, const char* path, uint64_t flags,
                              uint64_t resolve) {
  return sys::openat2(context.rootfs.get(), path, flags,
                      RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve);
}

Result<Target> open_or_make(const Context& context, const char* path, const Wanted& wanted) {
  const uint64_t resolve = wanted.plain ? RESOLVE_NO_SYMLINKS : 0;
  Path remaining;
  TRY_VOID(remaining.assign(path));
  for (int links = 0; links < kMaxLinks; ++links) {
    Result<UniqueFd> found = open_in_root(context, remaining.text(),
                                          O_PATH | (wanted.directory ? O_DIRECTORY : 0), resolve);
    if (found) return Target{std::move(found.value()), false};
    if (found.error().number != ENOENT) return found.error();

    Existing existing = TRY(open_existing(context, remaining, resolve));
    // What comes next is missing, or a symbolic link to something that is.
    char name[NAME_MAX + 1];
    const char* next = remaining.text() + existing.size;
    next += strspn(next, "/");
    const size_t length = strcspn(next, "/");
    if (length >= sizeof(name)) return found.error();
    std::memcpy(name, next, length);
    name[length] = '\0';
    char link[PATH_MAX];
    const ssize_t link_size = readlinkat(existing.directory.get(), name, link, sizeof(link) - 1);
    if (link_size < 0 && errno == ENOENT) {
      return make_missing(std::move(existing.directory), next, wanted);
    }
    // EINVAL: something appeared there meanwhile, which the next round finds.
    if (link_size < 0 && errno != EINVAL) return Error::from_errno("readlinkat", "\"%s\"", name);
    if (link_size < 0) continue;
    if (wanted.plain) break;
    link[link_size] = '\0';
    TRY_VOID(remaining.replace_component(next - remaining.text(), link));
  }
  errno = ELOOP;
  return Error::from_errno("openat2", "\"%s\"", path);
}

Result<Entry> open_parent(const Context& context, const char* path) {
  const char* slash = strrchr(path, '/');
  const char* name = slash == nullptr ? path : slash + 1;
  if (*name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
    return Error::refusal("\"%s\" ends in no name", path);
  }
  char directory[PATH_MAX] = "/";
  const size_t size = name - path;
  if (size >= sizeof(directory)) {
    errno = ENAMETOOLONG;
    return Error::from_errno("openat2", "\"%.200s…\"", path);
  }
  if (size > 0) {
    std::memcpy(directory, path, size);
    directory[size] = '\0';
  }
  Target opened = TRY(open_or_make(context, directory, kDirectoryMountPoint));
  return Entry{std::move(opened.fd), name};
}

Result<Target> open_or_make_file(const Entry& entry, mode_t mode) {
  const sys::NoUmask exact_modes;
  const int made = openat(entry.directory.get(), entry.name,
                          O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC, mode);
  if (made >= 0) return Target{UniqueFd(made), true};
  const Error refused = Error::from_errno("openat", "\"%s\"", entry.name);
  // Some file systems say that they are read-only before they say that the file is there.
  if (refused.number != EEXIST && refused.number != EROFS) return refused;
  Result<UniqueFd> found = sys::open_entry(entry.directory.get(), entry.name);
  if (!found) return refused;
  if (S_ISLNK(TRY(sys::look_at(found.value().get())).stx_mode)) {
    return Error::refusal("\"%s\" is a symbolic link, and is not followed", entry.name);
  }
  return Target{std::move(found.value()), false};
}

}  // namespace tsoci::init
