// /proc/self/mountinfo: the kernel writes it, but the names in it are those of whoever mounted.
#include <fuzzer/FuzzedDataProvider.h>

#include <cstring>
#include <string>
#include <vector>

#include "fuzz/expect.h"
#include "init/mount_info.h"

namespace {

using tsoci::init::MountLine;
using tsoci::init::next_line;

/// As the kernel writes a path: blanks, tabs, newlines and backslashes in octal.
std::string mangled(const std::string& path) {
  std::string text;
  for (const char letter : path) {
    char octal[8];
    if (std::strchr(" \t\n\\", letter) != nullptr) {
      std::snprintf(octal, sizeof(octal), "\\%03o", static_cast<unsigned char>(letter));
      text += octal;
    } else {
      text += letter;
    }
  }
  return text;
}

void show_any_text_is_read(std::string text) {
  char* rest = text.data();
  const char* end = rest + std::strlen(rest);
  size_t most = static_cast<size_t>(end - rest) + 1;
  for (MountLine line; next_line(rest, line); --most) {
    EXPECT(most > 0);
    for (const char* part : {line.root, static_cast<const char*>(line.mount_point), line.type}) {
      EXPECT(part >= text.data() && part + std::strlen(part) <= end);
    }
  }
}

void show_path_is_read(const std::string& path, uint64_t id) {
  std::string text = std::to_string(id) + " 1 0:5 / /" + mangled(path) +
                     " rw shared:7 - proc proc rw\n2 1 0:6 /x / rw - sysfs s rw\n";
  char* rest = text.data();
  MountLine line;
  EXPECT(next_line(rest, line));
  EXPECT(line.id == id && std::string(line.mount_point) == "/" + path);
  EXPECT(std::strcmp(line.root, "/") == 0 && std::strcmp(line.type, "proc") == 0);
  EXPECT(next_line(rest, line) && line.id == 2 && std::strcmp(line.type, "sysfs") == 0);
  EXPECT(!next_line(rest, line));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider input(data, size);
  const auto id = input.ConsumeIntegral<uint64_t>();
  const std::string text = input.ConsumeRemainingBytesAsString();
  show_any_text_is_read(text);
  show_path_is_read(text.c_str(), id);
  return 0;
}
