// A program of the host, started as our child.
#ifndef TSOCI_NATIVE_ADDON_PROGRAM_H_
#define TSOCI_NATIVE_ADDON_PROGRAM_H_

#include <cstdint>
#include <string>
#include <vector>

#include "addon/child.h"
#include "sys/result.h"

namespace tsoci::addon {

struct Program {
  std::string path;
  std::vector<std::string> args;
  std::vector<std::string> env;
  /// Descriptor i of the program; it has no others.
  std::vector<int> fds;
  /// "" for ours.
  std::string cwd;
  /// The soft RLIMIT_NOFILE, or UINT64_MAX to leave it.
  uint64_t nofile_soft = UINT64_MAX;
  /// In a session, and so in a process group, of its own.
  bool own_session = false;
  /// In a mount namespace of its own, in which this is bound with all below it; "" for ours.
  std::string bind_source;
  std::string bind_target;
};

/// Returns when the program has been executed. Its signals have their default actions and none is
/// blocked.
sys::Result<ChildProcess> start(const Program& program);

}  // namespace tsoci::addon

#endif  // TSOCI_NATIVE_ADDON_PROGRAM_H_
