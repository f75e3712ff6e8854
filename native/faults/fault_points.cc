// Counts calls in a file that all processes of an operation share, and says which one fails.
#include "faults/fault_points.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

// The calls themselves, which the linker has renamed.
extern "C" int __real_open(const char* path, int flags, ...);
extern "C" void* __real_mmap(void* at, size_t size, int protection, int flags, int fd, off_t from);
extern "C" int close(int fd);
extern "C" long __real_syscall(long number, ...);
// Of this program or library, by the linker: where it begins in memory, and where it ends.
extern "C" const unsigned char __ehdr_start[] __attribute__((visibility("hidden")));
extern "C" const unsigned char _end[] __attribute__((visibility("hidden")));

namespace tsoci::faults {
namespace {

/// The launcher renames it, as every variable.
constexpr const char* kVariables[] = {"TSOCI_FAULTS", ".TSOCI_FAULTS"};

const char* control_path() {
  for (const char* name : kVariables) {
    if (const char* path = getenv(name); path != nullptr) return path;
  }
  return nullptr;
}

Control* map_control() {
  const char* path = control_path();
  const int fd = path == nullptr ? -1 : __real_open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return nullptr;
  void* mapped = __real_mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  return mapped == MAP_FAILED ? nullptr : static_cast<Control*>(mapped);
}

/// Mapped by the first call; a thread that comes second maps it again, and nothing is lost.
Control* control() {
  static Control* mapped = nullptr;
  static bool looked = false;
  if (!__atomic_load_n(&looked, __ATOMIC_ACQUIRE)) {
    mapped = map_control();
    __atomic_store_n(&looked, true, __ATOMIC_RELEASE);
  }
  return mapped;
}

/// What addr2line(1) wants: of a library the distance from its beginning.
uint64_t address_in_file(uintptr_t address) {
  const auto* header = reinterpret_cast<const Elf64_Ehdr*>(__ehdr_start);
  return header->e_type == ET_EXEC ? address : address - reinterpret_cast<uintptr_t>(__ehdr_start);
}

/// Follows the frame pointers for as long as the code is ours.
[[gnu::noinline]] void take_frames(uint64_t (&frames)[kMaxFrames]) {
  const auto begin = reinterpret_cast<uintptr_t>(__ehdr_start);
  const auto end = reinterpret_cast<uintptr_t>(_end);
  const auto* frame = static_cast<const uintptr_t*>(__builtin_frame_address(0));
  size_t count = 0;
  while (count < kMaxFrames) {
    const uintptr_t back = frame[1];
    if (back < begin || back >= end) break;
    // The call and not what follows it: the next line may be another function's.
    frames[count++] = address_in_file(back - 1);
    const auto* outer = reinterpret_cast<const uintptr_t*>(frame[0]);
    if (outer <= frame) break;
    frame = outer;
  }
  for (; count < kMaxFrames; ++count) frames[count] = 0;
}

[[gnu::noinline]] void describe(Point& point, Role role, const char* call, const char* subject,
                                size_t ways) {
  point.role = role;
  point.ways = static_cast<uint32_t>(ways);
  const auto copy = [](char* to, size_t room, const char* from) {
    const size_t length = strnlen(from, room - 1);
    memcpy(to, from, length);
    to[length] = '\0';
  };
  copy(point.call, sizeof(point.call), call);
  copy(point.subject, sizeof(point.subject), subject);
  take_frames(point.frames);
}

/// Without a last word. The first process of a pid namespace cannot send SIGKILL to itself, and no
/// process survives an instruction that is none.
[[noreturn]] void die() {
  __real_syscall(SYS_kill, __real_syscall(SYS_getpid), SIGKILL);
  __builtin_trap();
}

}  // namespace

const char* control_variable() {
  static char variable[4096 + 16];
  const char* path = control() == nullptr ? nullptr : control_path();
  if (path == nullptr) return nullptr;
  snprintf(variable, sizeof(variable), "%s=%s", kVariables[0], path);
  return variable;
}

int pass(Role role, const char* call, const char* subject, std::initializer_list<int> ways) {
  const int saved_errno = errno;
  Control* shared = control();
  if (shared == nullptr) {
    errno = saved_errno;
    return 0;
  }
  const uint32_t number = __atomic_add_fetch(&shared->counts[role], 1, __ATOMIC_SEQ_CST);
  if (shared->keep_points != 0) {
    const uint32_t index = __atomic_fetch_add(&shared->point_count, 1, __ATOMIC_SEQ_CST);
    if (index < kMaxPoints) describe(shared->points[index], role, call, subject, ways.size());
  }
  errno = saved_errno;
  if (shared->action == kCount || shared->role != role || shared->target != number) return 0;
  if (shared->action == kFail && shared->way >= ways.size()) return 0;
  describe(shared->hit, role, call, subject, ways.size());
  if (shared->action == kFail && ways.begin()[shared->way] != kShort) {
    shared->hit_errno = static_cast<uint32_t>(ways.begin()[shared->way]);
  }
  __atomic_store_n(&shared->has_hit, 1, __ATOMIC_SEQ_CST);
  if (shared->action == kKill) die();
  errno = saved_errno;
  return ways.begin()[shared->way];
}

}  // namespace tsoci::faults
