// The container's /etc/passwd, which the image wrote, next to a reader that is as simple as can be.
#include <fuzzer/FuzzedDataProvider.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "fuzz/expect.h"
#include "init/home.h"

namespace {

using tsoci::init::find_home;
using tsoci::init::kMaxHomeBytes;

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts(1);
  for (const char letter : text) {
    if (letter == separator) {
      parts.emplace_back();
    } else {
      parts.back() += letter;
    }
  }
  return parts;
}

std::optional<std::string> expected_home(const std::string& text, uint32_t uid) {
  for (const std::string& line : split(text, '\n')) {
    const std::vector<std::string> fields = split(line, ':');
    if (line.starts_with('#') || fields.size() < 6) continue;
    const std::string& id = fields[2];
    const bool is_number =
        !id.empty() && id.size() <= 10 &&
        std::all_of(id.begin(), id.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!is_number || std::stoull(id) != uid) continue;
    const std::string& home = fields[5];
    if (home.empty() || home.size() >= kMaxHomeBytes) return std::nullopt;
    return home.find('\0') == std::string::npos ? std::optional(home) : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider input(data, size);
  // Few, so that one of them is in the text.
  const uint32_t uid = input.ConsumeIntegralInRange<uint32_t>(0, 12);
  const std::vector<char> text = input.ConsumeRemainingBytes<char>();
  static char home[kMaxHomeBytes];
  std::strcpy(home, "unchanged");
  const bool is_found = find_home(text.data(), text.size(), uid, home);
  const auto expected = expected_home({text.begin(), text.end()}, uid);
  EXPECT(is_found == expected.has_value());
  EXPECT(home == expected.value_or("unchanged"));
  return 0;
}
