#include "launcher/page_cache.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tsoci::launcher {
namespace {

constexpr size_t kHugePage = 2 * 1024 * 1024;
/// A cache too small for the program would lose it again and again: then the program's own faults
/// have left more than this part of it there, and it is let be.
constexpr size_t kHardlyAnything = 4;

/// The whole huge pages of a file, mapped on a boundary of theirs; nullptr when that cannot be.
char* map_aligned(int fd, size_t size) {
  void* room = mmap(nullptr, size + kHugePage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (room == MAP_FAILED) return nullptr;
  const uintptr_t start = (reinterpret_cast<uintptr_t>(room) + kHugePage - 1) & ~(kHugePage - 1);
  void* mapped =
      mmap(reinterpret_cast<void*>(start), size, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0);
  return mapped == MAP_FAILED ? nullptr : static_cast<char*>(mapped);
}

}  // namespace

void read_in_huge_pages(const char* path) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) return;
  struct stat file {};
  const size_t pages = fstat(fd, &file) == 0 ? static_cast<size_t>(file.st_size) / kHugePage : 0;
  char* program = pages == 0 ? nullptr : map_aligned(fd, pages * kHugePage);
  close(fd);
  if (program == nullptr) return;

  // The mappings go with the execve that follows.
  size_t cached = 0;
  for (size_t index = 0; index < pages; ++index) {
    unsigned char is_there = 0;
    // Says yes to whoever may not know (mincore(2), Linux 5.2).
    if (mincore(program + index * kHugePage, 1, &is_there) == 0) cached += is_there & 1U;
  }
  if (cached > pages / kHardlyAnything) return;
  if (madvise(program, pages * kHugePage, MADV_HUGEPAGE) != 0) return;
  for (size_t index = 0; index < pages; ++index) {
    static_cast<void>(*static_cast<volatile char*>(program + index * kHugePage));
  }
}

}  // namespace tsoci::launcher
