// Options of a mount, which the config names and init cuts into the parameters of fsconfig(2).
#include <string>

#include "fuzz/expect.h"
#include "fuzz/plan_bytes.h"
#include "init/options.h"

namespace {

using namespace tsoci;

/// Each byte of the text is in one option, or a comma between two.
void show_text_is_cut(const char* text) {
  const char* rest = text;
  const char* end = text;
  for (init::Option option; init::next_option(rest, option); end = rest) {
    for (const char* between = end; between < option.text; ++between) EXPECT(*between == ',');
    EXPECT(option.size > 0 && option.text + option.size == rest);
    EXPECT(option.key_size + (option.has_value() ? 1 : 0) + option.value_size() == option.size);
    EXPECT(std::string(option.text, option.key_size).find('=') == std::string::npos);
  }
  EXPECT(end[strspn(end, ",")] == '\0');
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text = std::string(reinterpret_cast<const char*>(data), size).c_str();
  show_text_is_cut(text.c_str());

  // As the plan brings it, in memory of exactly that size.
  fuzz::PlanBytes items;
  items.text(text.c_str());
  fuzz::PlanBytes list;
  list.number(1).blob(items.view());
  wire::Reader reader(list.view());
  wire::StringList options;
  EXPECT(reader.read(options));
  const std::string key = text.substr(0, text.find_first_of("=,"));
  if (!key.empty() && key.find_first_of("\\\"") == std::string::npos) {
    EXPECT(init::has_option(options, key.c_str()));
  }
  const bool fits = init::fit_fsconfig(options, "source");
  // No file system is open, so the kernel refuses the first option: what is shown is the copying.
  const auto set = init::set_options(-1, options);
  const bool has_none = text.find_first_not_of(',') == std::string::npos;
  EXPECT(static_cast<bool>(set) == has_none);
  if (fits && !has_none) EXPECT(set.error().number == EINVAL);
  return 0;
}
