#include "init/mount_info.h"

#include <stdlib.h>
#include <string.h>

namespace tsoci::init {
namespace {

/// Blanks, tabs, newlines and backslashes of paths are written as a backslash and three octal
/// digits.
void unescape(char* path) {
  char* to = path;
  for (const char* from = path; *from != '\0';) {
    const bool escaped = from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] >= '0' &&
                         from[2] <= '7' && from[3] >= '0' && from[3] <= '7';
    if (!escaped) {
      *to++ = *from++;
      continue;
    }
    *to++ = static_cast<char>((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
    from += 4;
  }
  *to = '\0';
}

}  // namespace

bool next_line(char*& rest, MountLine& line) {
  while (*rest != '\0') {
    char* text = rest;
    char* end = strchrnul(rest, '\n');
    rest = *end == '\0' ? end : end + 1;
    *end = '\0';
    char* fields[5];
    char* field = nullptr;
    size_t count = 0;
    while (count < 5 && (field = strsep(&text, " ")) != nullptr) fields[count++] = field;
    char* separator = text == nullptr ? nullptr : strstr(text, " - ");
    if (count < 5 || separator == nullptr) continue;
    char* type = separator + strlen(" - ");
    *strchrnul(type, ' ') = '\0';
    line = {strtoull(fields[0], nullptr, 10), fields[3], fields[4], type};
    unescape(line.mount_point);
    return true;
  }
  return false;
}

}  // namespace tsoci::init
