#include "launcher/text.h"

#include <stdlib.h>

namespace std {

/// What std::string_view calls when a piece begins behind the end. The library's own brings
/// exceptions along, and with them more than all of the launcher.
[[noreturn]] void __throw_out_of_range_fmt(const char*, ...) { abort(); }

}  // namespace std
