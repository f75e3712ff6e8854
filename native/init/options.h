// Options of a file system, as mounts[].options gives them to the kernel.
#ifndef TSOCI_NATIVE_INIT_OPTIONS_H_
#define TSOCI_NATIVE_INIT_OPTIONS_H_

#include "init/context.h"

namespace tsoci::init {

/// The longest key and the longest value that fsconfig(2) takes.
constexpr size_t kMaxParameterSize = 255;

/// One option, cut out of a list: a view, not ended by NUL.
struct Option {
  const char* text;
  size_t size;
  /// Size of the name before "=", or of all.
  size_t key_size;

  bool has_value() const { return key_size < size; }
  size_t value_size() const { return has_value() ? size - key_size - 1 : 0; }
};

/// Cuts the first option off `rest`; false at the end. A comma separates unless a backslash stands
/// before it (overlay's paths) or it is quoted (SELinux contexts).
bool next_option(const char*& rest, Option& option);

/// True when each option and the source fit into fsconfig(2).
bool fit_fsconfig(const wire::StringList& options, const char* source);

/// True when an option called `key` is there.
bool has_option(const wire::StringList& options, const char* key);

/// Gives each option to the file system context.
Result<void> set_options(int filesystem, const wire::StringList& options);

/// True when each of the MS_* flags has a name as a parameter.
bool have_parameters(uint32_t sb_flags);

/// Gives the MS_* flags that belong to the file system, not to the mount, to its context.
Result<void> set_superblock_flags(int filesystem, uint32_t sb_flags);

}  // namespace tsoci::init

#endif  // TSOCI_NATIVE_INIT_OPTIONS_H_
