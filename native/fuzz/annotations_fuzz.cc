// The config.json of a container, before anybody has checked it: the launcher looks in there for
// the group.
#include <string>

#include "fuzz/expect.h"
#include "launcher/shim/annotations.h"

namespace {

using tsoci::launcher::shim::find_group;
using tsoci::launcher::shim::Group;

/// The text in quotes, half of it by escapes, as encoders differ.
std::string quoted(const std::string& text) {
  std::string json = "\"";
  for (const char letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    char escaped[8];
    if (byte < 0x20 || letter == '"' || letter == '\\' || (byte < 0x80 && byte % 2 == 0)) {
      std::snprintf(escaped, sizeof(escaped), byte % 3 == 0 ? "\\u%04x" : "\\u%04X", byte);
      json += escaped;
    } else {
      json += letter;
    }
  }
  return json + '"';
}

/// Whatever stands around it, in strings, a group is found as it was written.
void show_group_is_found(const std::string& text) {
  const std::string group = text.substr(0, 4095);
  const std::string value = quoted(text);
  const std::string config = "{" + value + ":[" + value + ",{" + value +
                             ":null}],\n\"annotations\" : {" + quoted("x" + text) + ":" + value +
                             ",\"io.containerd.runc.v2.group\":" + quoted(group) +
                             "},\"y\":" + value + "}";
  static Group found;
  EXPECT(find_group(config, found));
  EXPECT(found.view() == group);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view config(reinterpret_cast<const char*>(data), size);
  static Group group;
  if (find_group(config, group)) {
    EXPECT(group.fits() && group.view().size() < 4096);
    EXPECT(group.c_str()[group.view().size()] == '\0');
    EXPECT(config.find('{') != std::string_view::npos);
  }
  show_group_is_found(std::string(config));
  return 0;
}
