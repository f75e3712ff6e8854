// The file through which a test says which call is to fail, and hears which one it was. Every
// process of an operation maps it; conformance-tests/faults/control.ts has the same layout.
#ifndef TSOCI_NATIVE_FAULTS_CONTROL_H_
#define TSOCI_NATIVE_FAULTS_CONTROL_H_

#include <cstddef>
#include <cstdint>

namespace tsoci::faults {

/// Whose calls a number counts. `kHostCall` is what TypeScript calls, `kDriver` what the addon then
/// asks of the kernel, in its own process and in a child until that executes a program.
enum Role : uint32_t { kHostCall = 0, kDriver = 1, kInit = 2 };
constexpr size_t kRoles = 3;

enum Action : uint32_t {
  kCount = 0,  ///< Nothing fails.
  kFail = 1,   ///< In the way number `way` of its row.
  kKill = 2,   ///< The process dies where it stands.
};

constexpr size_t kMaxFrames = 12;
constexpr size_t kMaxPoints = 4096;

/// One call that was made, or was about to be.
struct Point {
  uint32_t role;
  uint32_t ways;  ///< In how many ways it can fail.
  char call[32];
  char subject[104];            ///< The path that it is about, "" when it is about none.
  uint64_t frames[kMaxFrames];  ///< Return addresses in the file, innermost first, ended by 0.
};
static_assert(sizeof(Point) == 240);

struct Control {
  uint32_t action;
  uint32_t role;
  uint32_t target;  ///< The first call is number 1.
  uint32_t way;
  uint32_t keep_points;     ///< Whether every call is to be written down.
  uint32_t has_hit;         ///< Set when the target was reached and `hit` is filled in.
  uint32_t counts[kRoles];  ///< Calls so far.
  uint32_t point_count;
  uint32_t hit_errno;  ///< What the target failed with; 0 when it was no errno.
  uint32_t unused[5];
  Point hit;
  Point points[kMaxPoints];
};
static_assert(offsetof(Control, hit) == 64);
static_assert(offsetof(Control, points) == 304);

}  // namespace tsoci::faults

#endif  // TSOCI_NATIVE_FAULTS_CONTROL_H_
