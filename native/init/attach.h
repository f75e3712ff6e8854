// Putting a finished mount where it belongs.
#ifndef TSOCI_NATIVE_INIT_ATTACH_H_
#define TSOCI_NATIVE_INIT_ATTACH_H_

#include "init/resolve.h"
#include "sys/mount_api.h"

namespace tsoci::init {

/// Attaches the detached `tree` to `target`, which `path` led to, and makes sure that `path` still
/// leads there: a target that another container moved away meanwhile would leave the path
/// uncovered.
Result<void> attach(Context& context, int tree, int target, const char* path);

/// Init's own descriptors as a directory, in the procfs that it opened before it joined anything.
Result<UniqueFd> open_own_descriptors(const Context& context);

/// Unmounts the mount whose root is behind `mount`, with all below it, also where it is in use.
/// Changes the working directory. `path` is for the error.
Result<void> detach(const Context& context, int mount, const char* path);

/// After a failure: takes all that was attached to a running container away again, the last first.
void detach_attached(Context& context);

/// Applies each propagation (MS_SHARED, …, with or without MS_REC) to the attached mount.
Result<void> set_propagation(int mount, const wire::NumberList& propagation);

/// Applies what concerns all mounts of a detached tree, and its id mapping.
Result<void> finish_tree(int tree, uint64_t recursive_set, uint64_t recursive_clear, int idmap_fd,
                         bool idmap_recursive);

/// Refuses a target inside a procfs unless the plan allows it. A file laid over one of procfs makes
/// everybody who writes there write somewhere else (CVE-2019-16884).
Result<void> refuse_inside_procfs(int target, const char* path, bool allowed);

/// The flag of mount_setattr(2) and open_tree(2) that goes with `recursive`.
constexpr unsigned recursive_flag(bool recursive) {
  return recursive ? static_cast<unsigned>(AT_RECURSIVE) : 0u;
}

}  // namespace tsoci::init

#endif  // TSOCI_NATIVE_INIT_ATTACH_H_
