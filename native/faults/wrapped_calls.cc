// Stands between our code and the C library: every name of fault_calls.h.
//
// All of them take and answer words, whatever their types are: on the machines that tsoci is built
// for the first six arguments of any function are in registers, and nobody looks at those it does
// not want.
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "faults/fault_calls.h"
#include "faults/fault_points.h"
#include "sys/kernel_compat.h"

namespace {

using tsoci::faults::kShort;
using tsoci::faults::pass;

/// Init or the addon: CMakeLists.txt says which one this is a part of.
constexpr auto kRole = static_cast<tsoci::faults::Role>(TSOCI_FAULT_ROLE);

const char* text_of(const long (&arguments)[6], int index) {
  const auto* text = index < 0 ? nullptr : reinterpret_cast<const char*>(arguments[index]);
  return text == nullptr ? "" : text;
}

/// Of read(2) and write(2), the only ones with this way to fail.
long half_of(long bytes) { return bytes > 1 ? bytes / 2 : bytes; }

struct Number {
  long number;
  const char* name;
  int path;
  std::initializer_list<int> ways;
};

/// The environment of init is empty; in a fault build it names the file.
char* const* environment_of_init() {
  static char* environment[2];
  environment[0] = const_cast<char*>(tsoci::faults::control_variable());
  return environment;
}

}  // namespace

extern "C" {

#define TSOCI_WRAP(symbol, path, failure, ...)                                                \
  long __real_##symbol(long a, long b, long c, long d, long e, long f);                       \
  long __wrap_##symbol(long a, long b, long c, long d, long e, long f) {                      \
    const int fault = pass(kRole, #symbol, text_of({a, b, c, d, e, f}, path), {__VA_ARGS__}); \
    if (fault == 0) return __real_##symbol(a, b, c, d, e, f);                                 \
    if (fault == kShort) return __real_##symbol(a, b, half_of(c), d, e, f);                   \
    errno = fault;                                                                            \
    return failure;                                                                           \
  }
TSOCI_FAULT_CALLS(TSOCI_WRAP)
#undef TSOCI_WRAP

long __real_syscall(long number, ...);

long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f) {
  const long arguments[] = {a, b, c, d, e, f};
  const auto decide = [&] {
    switch (number) {
#define TSOCI_WRAP_NUMBER(name, path, ...) \
  case SYS_##name:                         \
    return pass(kRole, #name, text_of(arguments, path), {__VA_ARGS__});
      TSOCI_FAULT_NUMBERS(TSOCI_WRAP_NUMBER)
#undef TSOCI_WRAP_NUMBER
#define TSOCI_PASS_NUMBER(name) case SYS_##name:
      TSOCI_FAULTLESS_NUMBERS(TSOCI_PASS_NUMBER)
#undef TSOCI_PASS_NUMBER
      return 0;
    }
    // A test fails when it meets this name: the row is missing.
    return pass(kRole, "unknown", "", {ENOSYS});
  };
  const int fault = decide();
  if (fault != 0) {
    errno = fault;
    return -1;
  }
  if (number == SYS_execveat) d = reinterpret_cast<long>(environment_of_init());
  return __real_syscall(number, a, b, c, d, e, f);
}

}  // extern "C"
