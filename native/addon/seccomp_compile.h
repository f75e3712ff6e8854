// A seccomp profile whose names are resolved, and what is made of it.
#ifndef TSOCI_NATIVE_ADDON_SECCOMP_COMPILE_H_
#define TSOCI_NATIVE_ADDON_SECCOMP_COMPILE_H_

#include <linux/filter.h>
#include <seccomp.h>

#include <cstdint>
#include <string>
#include <vector>

#include "sys/result.h"

namespace tsoci::addon {

struct Architecture {
  const char* name;
  uint32_t token;
  /// What the kernel calls it; x32 is x86_64 there, with a bit set in the number.
  uint32_t audit;
};

struct Rule {
  std::vector<std::string> names;
  uint32_t action;
  std::vector<scmp_arg_cmp> args;
};

struct Profile {
  uint32_t default_action;
  std::vector<const Architecture*> architectures;
  /// The machine's own, which a filter is always for.
  const Architecture* native;
  std::vector<Rule> rules;
};

struct Compiled {
  std::vector<sock_filter> program;
  std::vector<std::string> unknown;
};

sys::Result<Compiled> compile(const Profile& profile);

}  // namespace tsoci::addon

#endif  // TSOCI_NATIVE_ADDON_SECCOMP_COMPILE_H_
