// Paths below the container's root. The image chooses what they lead to, so nothing here trusts a
// name twice: what was looked up is held by descriptor from then on.
#ifndef TSOCI_NATIVE_INIT_RESOLVE_H_
#define TSOCI_NATIVE_INIT_RESOLVE_H_

#include <sys/types.h>

#include "init/context.h"
#include "sys/lookup.h"

namespace tsoci::init {

/// What has to be at the end of a path, and is made if nothing is.
struct Wanted {
  bool directory;
  mode_t mode;
  /// Refuse every symbolic link on the way (ELOOP), not only those that lead out of the root.
  bool plain = false;
};

/// Mount points have the modes that runc gives them.
constexpr Wanted kDirectoryMountPoint{true, 0755};
constexpr Wanted kPlainDirectoryMountPoint{true, 0755, true};
constexpr Wanted kFileMountPoint{false, 0644};

struct Target {
  UniqueFd fd;
  bool created;
};

/// The directory that holds a path's last name, and that name.
struct Entry {
  UniqueFd directory;
  const char* name;
};

/// Opens what `path` leads to when the container's root is /.
Result<UniqueFd> open_in_root(const Context& context, const char* path, uint64_t flags = O_PATH,
                              uint64_t resolve = 0);

/// The same, making what is missing: directories on the way, and at the end what is wanted. A
/// symbolic link that leads to nothing is followed, inside the root, and its target is made.
Result<Target> open_or_make(const Context& context, const char* path, const Wanted& wanted);

/// Opens the directory of `path`'s last name, making it if it is missing. `name` points into
/// `path`.
Result<Entry> open_parent(const Context& context, const char* path);

/// Opens the file `entry` names, made empty if it is missing. The last name is never followed.
Result<Target> open_or_make_file(const Entry& entry, mode_t mode);

}  // namespace tsoci::init

#endif  // TSOCI_NATIVE_INIT_RESOLVE_H_
