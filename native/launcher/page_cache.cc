#include "launcher/page_cache.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tsoci::launcher {
namespace {

constexpr size_t kHugePage = 2 * 1024 * 1024;
constexpr size_t kMostHugePages = 128;
/// Where less than this part of the program is cached, it is read in whole.
constexpr size_t kHardlyAnything = 4;
/// Otherwise no more than these: a cache that is too small for the program loses pages all the
/// time, and every command would read it whole.
constexpr size_t kReadAtOnce = 8;

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
  bool is_missing[kMostHugePages] = {};
  size_t missing = 0;
  for (size_t index = 0; index < pages; ++index) {
    unsigned char is_there = 1;
    // Says yes to whoever may not know (mincore(2), Linux 5.2).
    mincore(program + index * kHugePage, 1, &is_there);
    is_missing[index] = (is_there & 1U) == 0;
    if (is_missing[index]) ++missing;
  }
  if (missing == 0 || madvise(program, pages * kHugePage, MADV_HUGEPAGE) != 0) return;
  const bool all = pages - missing <= pages / kHardlyAnything;
  size_t left = all ? missing : kReadAtOnce;
  for (size_t index = 0; index < pages && left > 0; ++index) {
    if (!is_missing[index]) continue;
    static_cast<void>(*static_cast<volatile char*>(program + index * kHugePage));
    --left;
  }
}

}  // namespace tsoci::launcher
