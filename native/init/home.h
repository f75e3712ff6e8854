// The home directory of a user, by the container's /etc/passwd.
#ifndef TSOCI_NATIVE_INIT_HOME_H_
#define TSOCI_NATIVE_INIT_HOME_H_

#include <limits.h>

#include <cstddef>
#include <cstdint>

namespace tsoci::init {

constexpr size_t kMaxHomeBytes = PATH_MAX;

/// Finds the home directory of `uid` in the text of a passwd(5) file, which may be any bytes. False
/// when there is none that can be used; `home` is then as it was.
bool find_home(const char* text, size_t size, uint32_t uid, char (&home)[kMaxHomeBytes]);

/// HOME for a program whose config does not set it; "/" when /etc/passwd does not tell.
void read_home(uint32_t uid, char (&home)[kMaxHomeBytes]);

}  // namespace tsoci::init

#endif  // TSOCI_NATIVE_INIT_HOME_H_
