// What the steps of init share. One process, one thread, one of these.
#ifndef TSOCI_NATIVE_INIT_CONTEXT_H_
#define TSOCI_NATIVE_INIT_CONTEXT_H_

#include <time.h>

#include <cstdint>

#include "generated/plan.h"
#include "sys/fd.h"
#include "sys/result.h"

namespace tsoci::init {

using sys::Error;
using sys::Result;
using sys::UniqueFd;

/// When each step began and ended, kept only when the plan asks for it.
class Trace {
 public:
  bool is_on() const { return on_; }
  void turn_on() { on_ = true; }
  void turn_off() { on_ = false; }
  static uint64_t now_ns() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(now.tv_nsec);
  }
  void add(uint32_t step, uint64_t begin_ns, uint64_t end_ns) {
    if (count_ < kMaxSlices) slices_[count_++] = {step, 0, begin_ns, end_ns};
  }
  /// Sends what was kept and forgets it.
  Result<void> send(int socket);

 private:
  struct Slice {
    uint64_t step : 32;
    uint64_t unused : 32;
    uint64_t begin_ns;
    uint64_t end_ns;
  };
  /// As many as fit into one message; later steps go untimed.
  static constexpr size_t kMaxSlices = 600;
  bool on_ = false;
  size_t count_ = 0;
  Slice slices_[kMaxSlices];
};

/// How many mounts may come into a running container at once (src/spec/parse-mounts.ts).
constexpr size_t kMaxAttached = 64;

struct Context {
  /// The socket to the driver; closed when the driver has let go of init.
  UniqueFd link;
  /// The connection of the `start` that opened the gate. Close-on-exec: its end of file means that
  /// the program runs.
  UniqueFd starter;
  /// O_PATH descriptor of the container's root: the rootfs mount before the root changes, / after.
  /// Every path that the config or the image names is resolved below it, never by string.
  UniqueFd rootfs;
  /// A detached procfs of init's own, opened by the first step that needs one.
  UniqueFd procfs;
  /// A detached empty read-only tmpfs and a detached mount of a verified /dev/null, cloned for each
  /// masked path.
  UniqueFd empty_directory;
  UniqueFd null_device;
  /// True once the container's root is the root of this process.
  bool root_changed = false;
  /// The working directory was refused to root and has to be entered by the user.
  bool directory_pending = false;
  /// What `execute` becomes: set by `findProgram`, which is the last to look anything up.
  struct {
    const char* path = nullptr;
    char** arguments = nullptr;
    char** environment = nullptr;
  } program;
  /// True in a container that was made before: what is mounted into it is kept hold of here, until
  /// nothing can fail any more.
  bool joined_container = false;
  UniqueFd attached[kMaxAttached];
  size_t attached_count = 0;
  /// CLONE_NEW* of the namespaces that were joined so far.
  uint32_t joined_namespaces = 0;
  /// Index of the step that runs, for messages to the driver.
  uint32_t step = 0;
  Trace trace;
};

/// Tells the driver about something that init goes on without.
void warn(Context& context, const Error& error);

/// Sends `request`, with `fd` when it is not -1, and waits until the driver has carried it out. The
/// descriptor is the one that the reply carries, if any.
Result<UniqueFd> ask_driver(Context& context, wire::Request request, int fd = -1);

#define TSOCI_DECLARE_STEP(name, Type) \
  Result<void> carry_out(Context& context, const wire::Type& step);
TSOCI_STEPS(TSOCI_DECLARE_STEP)
#undef TSOCI_DECLARE_STEP

}  // namespace tsoci::init

#endif  // TSOCI_NATIVE_INIT_CONTEXT_H_
