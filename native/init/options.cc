#include "init/options.h"

#include "sys/mount_api.h"

namespace tsoci::init {
namespace {

struct SuperblockFlag {
  uint32_t flag;
  const char* parameter;
};

constexpr SuperblockFlag kSuperblockFlags[] = {
    {MS_RDONLY, "ro"},         {MS_SYNCHRONOUS, "sync"}, {MS_DIRSYNC, "dirsync"},
    {MS_LAZYTIME, "lazytime"}, {MS_MANDLOCK, "mand"},
};

/// A context keeps a file system's complaints for who asked and prints nothing to the kernel's log:
/// what `silent` asks for is so already.
constexpr uint32_t kNeedsNoParameter = MS_SILENT;

Result<void> set_option(int filesystem, const Option& option) {
  char key[kMaxParameterSize + 1];
  char value[kMaxParameterSize + 1];
  const char* text = option.text + option.key_size + 1;
  size_t size = option.value_size();
  // Quotes keep a comma inside one option, and are no part of its value.
  if (size >= 2 && text[0] == '"' && text[size - 1] == '"') {
    ++text;
    size -= 2;
  }
  if (option.key_size >= sizeof(key) || size >= sizeof(value)) {
    errno = E2BIG;
    return Error::from_errno("fsconfig", "\"%.60s…\"", option.text);
  }
  std::memcpy(key, option.text, option.key_size);
  key[option.key_size] = '\0';
  if (!option.has_value()) return sys::fsconfig_set(filesystem, key, nullptr);
  std::memcpy(value, text, size);
  value[size] = '\0';
  return sys::fsconfig_set(filesystem, key, value);
}

}  // namespace

bool next_option(const char*& rest, Option& option) {
  rest += strspn(rest, ",");
  if (*rest == '\0') return false;
  const char* begin = rest;
  bool quoted = false;
  for (; *rest != '\0' && (quoted || *rest != ','); ++rest) {
    if (*rest == '"') quoted = !quoted && rest > begin && rest[-1] == '=';
    if (*rest == '\\' && rest[1] != '\0') ++rest;
  }
  const auto size = static_cast<size_t>(rest - begin);
  const void* equals = std::memchr(begin, '=', size);
  const size_t key_size = equals == nullptr ? size : static_cast<const char*>(equals) - begin;
  option = {begin, size, key_size};
  return true;
}

bool fit_fsconfig(const wire::StringList& options, const char* source) {
  bool fit = strlen(source) <= kMaxParameterSize;
  options.for_each([&](const char* text) {
    for (Option option; next_option(text, option);) {
      fit = fit && option.key_size <= kMaxParameterSize && option.value_size() <= kMaxParameterSize;
    }
  });
  return fit;
}

bool has_option(const wire::StringList& options, const char* key) {
  const size_t key_size = strlen(key);
  bool found = false;
  options.for_each([&](const char* text) {
    for (Option option; next_option(text, option);) {
      found =
          found || (option.key_size == key_size && std::memcmp(option.text, key, key_size) == 0);
    }
  });
  return found;
}

Result<void> set_options(int filesystem, const wire::StringList& options) {
  Result<void> result;
  options.for_each([&](const char* text) {
    for (Option option; result && next_option(text, option);) {
      result = set_option(filesystem, option);
    }
  });
  return result;
}

bool have_parameters(uint32_t sb_flags) {
  for (const SuperblockFlag& known : kSuperblockFlags) sb_flags &= ~known.flag;
  return (sb_flags & ~kNeedsNoParameter) == 0;
}

Result<void> set_superblock_flags(int filesystem, uint32_t sb_flags) {
  for (const SuperblockFlag& known : kSuperblockFlags) {
    if ((sb_flags & known.flag) == 0) continue;
    TRY_VOID(sys::fsconfig_set(filesystem, known.parameter, nullptr));
  }
  return {};
}

}  // namespace tsoci::init
