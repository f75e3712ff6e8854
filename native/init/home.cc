#include "init/home.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/lookup.h"

namespace tsoci::init {
namespace {

using sys::Error;
using sys::Result;
using sys::UniqueFd;

constexpr size_t kMaxPasswdBytes = 1 << 20;

/// Finds the field after `count` colons of a line that ends at `end`.
const char* field_at(const char* line, const char* end, int count) {
  for (; count > 0 && line < end; ++line) {
    if (*line == ':') --count;
  }
  return count == 0 ? line : nullptr;
}

/// Opens /etc/passwd if it is a regular file of moderate size. The image wrote it, so it may be
/// anything: a FIFO would hang us (CVE-2024-9676's kind), opening a device may do something, and a
/// link of procfs may lead to a descriptor of init's. So it is looked at before it is opened.
Result<UniqueFd> open_passwd(size_t& size) {
  UniqueFd file;
  for (const uint64_t flags : {O_PATH, O_RDONLY | O_NONBLOCK | O_NOCTTY}) {
    file = TRY(sys::openat2(AT_FDCWD, "/etc/passwd", flags, RESOLVE_NO_MAGICLINKS));
    const struct statx found = TRY(sys::look_at(file.get()));
    if (!S_ISREG(found.stx_mode) || found.stx_size == 0 || found.stx_size > kMaxPasswdBytes) {
      return Error::refusal("\"/etc/passwd\" is no file of at most %zu bytes", kMaxPasswdBytes);
    }
    size = found.stx_size;
  }
  return file;
}

}  // namespace

bool find_home(const char* text, size_t size, uint32_t uid, char (&home)[kMaxHomeBytes]) {
  const char* end_of_text = text + size;
  for (const char* line = text; line < end_of_text;) {
    const void* newline = std::memchr(line, '\n', static_cast<size_t>(end_of_text - line));
    const char* end = newline != nullptr ? static_cast<const char*>(newline) : end_of_text;
    const char* id = field_at(line, end, 2);
    const char* after_id = field_at(line, end, 3);
    const char* directory = field_at(line, end, 5);
    const char* after_directory = field_at(line, end, 6);
    const bool is_comment = *line == '#';
    line = end + 1;
    if (is_comment || id == nullptr || after_id == nullptr || directory == nullptr) continue;
    uint64_t value = 0;
    bool is_number = after_id - id > 1 && after_id - id <= 11;
    for (const char* digit = id; digit + 1 < after_id; ++digit) {
      is_number = is_number && *digit >= '0' && *digit <= '9';
      value = value * 10 + static_cast<uint64_t>(*digit - '0');
    }
    if (!is_number || value != uid) continue;
    const char* stop = after_directory != nullptr ? after_directory - 1 : end;
    const size_t length = static_cast<size_t>(stop - directory);
    if (length == 0 || length >= sizeof(home)) return false;
    // Cut at a NUL it would be another directory's name.
    if (std::memchr(directory, '\0', length) != nullptr) return false;
    std::memcpy(home, directory, length);
    home[length] = '\0';
    return true;
  }
  return false;
}

void read_home(uint32_t uid, char (&home)[kMaxHomeBytes]) {
  std::strcpy(home, "/");
  size_t size = 0;
  Result<UniqueFd> file = open_passwd(size);
  if (!file) return;
  void* text = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (text == MAP_FAILED) return;
  const ssize_t got = sys::retry_eintr([&] { return read(file.value().get(), text, size); });
  if (got > 0) find_home(static_cast<const char*>(text), static_cast<size_t>(got), uid, home);
  munmap(text, size);
}

}  // namespace tsoci::init
