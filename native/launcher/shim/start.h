// What containerd starts shims for, as far as it needs no engine.
#ifndef TSOCI_NATIVE_LAUNCHER_SHIM_START_H_
#define TSOCI_NATIVE_LAUNCHER_SHIM_START_H_

#include "launcher/shim/call.h"

namespace tsoci::launcher::shim {

/// `start`: tells containerd the socket of the container's group, and ends. When no shim serves it,
/// this returns in a child that is to: its listener and its path are written to `served`, its
/// standard input is what containerd sent, and the others lead to the bundle's log.
///
/// containerd waits for this before it does anything else, and an engine would take longer to begin
/// than all of it takes: docs/decisions/0013-the-launcher-answers-start.md.
void start(const Call& call, Path& served);

/// `delete` of a container that its shim has deleted: the answer, and the end of the process. When
/// there is something left, returns in a child that is to delete it, and ends as that does.
void finish_delete(const Call& call);

}  // namespace tsoci::launcher::shim

#endif  // TSOCI_NATIVE_LAUNCHER_SHIM_START_H_
