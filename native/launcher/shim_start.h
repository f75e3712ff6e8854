#pragma once

namespace tsoci::launcher {

/// Whether this is a containerd shim that is asked to start.
bool is_shim_start(int argument_count, char* const* arguments);

/// Returns in a child that becomes the shim itself, in a session of its own, with a pipe as its
/// standard output. The caller's process stays here until that pipe is closed, passes on what came
/// through it, and ends: containerd waits for `start`, and the shim outlives it. An engine cannot
/// fork, and a second start of it would double what the first container waits for.
void leave_shim_behind();

}  // namespace tsoci::launcher
