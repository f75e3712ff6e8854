// What containerd calls a shim by: its name, its flags and the directory that it is called in.
#ifndef TSOCI_NATIVE_LAUNCHER_SHIM_CALL_H_
#define TSOCI_NATIVE_LAUNCHER_SHIM_CALL_H_

#include <limits.h>

#include "launcher/text.h"

namespace tsoci::launcher::shim {

using Path = Buffer<PATH_MAX>;

/// The command line of a shim. What is not as containerd writes it, the driver says.
struct Call {
  std::string_view action;
  std::string_view id;
  std::string_view name_space;
  std::string_view grpc_address;
  Path bundle;  ///< Absolute: that of the flag, or else the working directory.
};

/// Whether the program was called by a name that containerd gives to shims.
bool is_called_as_shim(const char* program);

/// False when there is anything in it that the driver should look at.
bool read_call(int argument_count, char* const* arguments, Call& call);

[[noreturn]] void fail(std::string_view doing, std::string_view subject);
[[noreturn]] void refuse(std::string_view problem, std::string_view subject);

}  // namespace tsoci::launcher::shim

#endif  // TSOCI_NATIVE_LAUNCHER_SHIM_CALL_H_
