#include "launcher/shim/annotations.h"

namespace tsoci::launcher::shim {
namespace {

/// What a container may say of the group whose shim it wants to share; the first that is there.
constexpr std::string_view kGroupAnnotations[] = {"io.containerd.runc.v2.group",
                                                  "io.kubernetes.cri.sandbox-id"};
constexpr size_t kAnnotationCount = sizeof(kGroupAnnotations) / sizeof(kGroupAnnotations[0]);

/// Longer than any name that is looked for.
using Name = Buffer<64>;

template <size_t kSize>
void add_utf8(Buffer<kSize>& text, uint32_t point) {
  constexpr unsigned kMore = 0x80;
  if (point < 0x80) {
    text.add_byte(point);
  } else if (point < 0x800) {
    text.add_byte(0xc0 | point >> 6).add_byte(kMore | (point & 0x3f));
  } else if (point < 0x10000) {
    text.add_byte(0xe0 | point >> 12);
    text.add_byte(kMore | (point >> 6 & 0x3f)).add_byte(kMore | (point & 0x3f));
  } else {
    text.add_byte(0xf0 | point >> 18).add_byte(kMore | (point >> 12 & 0x3f));
    text.add_byte(kMore | (point >> 6 & 0x3f)).add_byte(kMore | (point & 0x3f));
  }
}

/// Walks through JSON without keeping any of it. Every function is false at what it did not expect.
class Walker {
 public:
  explicit Walker(std::string_view text) : rest_(text) {}

  /// The next character that is no space, if it is this one.
  bool take(char expected) {
    if (peek() != expected) return false;
    rest_.remove_prefix(1);
    return true;
  }

  char peek() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\n' ||
                              rest_.front() == '\t' || rest_.front() == '\r')) {
      rest_.remove_prefix(1);
    }
    return rest_.empty() ? '\0' : rest_.front();
  }

  template <size_t kSize>
  bool read_string(Buffer<kSize>& text) {
    text.clear();
    if (!take('"')) return false;
    while (!rest_.empty()) {
      const char found = pop();
      if (found == '"') return true;
      if (found != '\\') {
        text.add({&found, 1});
      } else if (!read_escape(text)) {
        return false;
      }
    }
    return false;
  }

  bool skip_value() {
    size_t depth = 0;
    do {
      switch (peek()) {
        case '\0':
          return false;
        case '"':
          if (!skip_string()) return false;
          break;
        case '{':
        case '[':
          ++depth;
          pop();
          continue;
        case '}':
        case ']':
          if (depth == 0) return false;
          --depth;
          pop();
          break;
        case ',':
        case ':':
          if (depth == 0) return false;
          pop();
          continue;
        default:
          skip_word();
      }
    } while (depth > 0);
    return true;
  }

 private:
  char pop() {
    const char first = rest_.front();
    rest_.remove_prefix(1);
    return first;
  }

  bool skip_string() {
    pop();
    while (!rest_.empty()) {
      const char found = pop();
      if (found == '"') return true;
      if (found == '\\' && !rest_.empty()) pop();
    }
    return false;
  }

  /// A number, true, false or null.
  void skip_word() {
    constexpr std::string_view kEnds = ",:]}{[\" \n\t\r";
    while (!rest_.empty() && kEnds.find(rest_.front()) == std::string_view::npos) pop();
  }

  template <size_t kSize>
  bool read_escape(Buffer<kSize>& text) {
    if (rest_.empty()) return false;
    constexpr std::string_view kNames = "\"\\/bfnrt";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    const char name = pop();
    if (name != 'u') {
      const size_t at = kNames.find(name);
      if (at == std::string_view::npos) return false;
      text.add(kMeanings.substr(at, 1));
      return true;
    }
    uint32_t point = 0;
    if (!read_hexadecimal(point)) return false;
    constexpr uint32_t kHigh = 0xd800;
    constexpr uint32_t kLow = 0xdc00;
    uint32_t low = 0;
    if (point >= kHigh && point < kLow && rest_.substr(0, 2) == "\\u") {
      rest_.remove_prefix(2);
      if (!read_hexadecimal(low)) return false;
      point = 0x10000 + ((point - kHigh) << 10) + (low - kLow);
    }
    add_utf8(text, point);
    return true;
  }

  bool read_hexadecimal(uint32_t& value) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    value = 0;
    for (int digit = 0; digit < 4; ++digit) {
      if (rest_.empty()) return false;
      const size_t found = kDigits.find(static_cast<char>(pop() | 0x20));
      if (found == std::string_view::npos) return false;
      value = value << 4 | static_cast<uint32_t>(found);
    }
    return true;
  }

  std::string_view rest_;
};

/// Calls `member` with each name, at the value, which it has to walk over.
template <typename Member>
bool walk_object(Walker& walker, Member member) {
  if (!walker.take('{')) return false;
  if (walker.take('}')) return true;
  do {
    Name name;
    if (!walker.read_string(name) || !walker.take(':')) return false;
    if (!member(name.fits() ? name.view() : std::string_view())) return false;
  } while (walker.take(','));
  return walker.take('}');
}

bool read_annotations(Walker& walker, Group (&groups)[kAnnotationCount]) {
  // As with other objects of the config, null is as good as none.
  if (walker.peek() != '{') return walker.skip_value();
  return walk_object(walker, [&](std::string_view name) {
    for (size_t index = 0; index < kAnnotationCount; ++index) {
      if (name == kGroupAnnotations[index] && walker.peek() == '"') {
        return walker.read_string(groups[index]);
      }
    }
    return walker.skip_value();
  });
}

}  // namespace

bool find_group(std::string_view config, Group& group) {
  static Group groups[kAnnotationCount];
  for (Group& found : groups) found.clear();
  Walker walker(config);
  const bool is_walked = walk_object(walker, [&](std::string_view name) {
    return name == "annotations" ? read_annotations(walker, groups) : walker.skip_value();
  });
  if (!is_walked) return false;
  group.clear();
  for (const Group& found : groups) {
    if (found.view().empty() || !found.fits()) continue;
    group.add(found.view());
    break;
  }
  return true;
}

}  // namespace tsoci::launcher::shim
