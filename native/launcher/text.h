// Texts without a C++ library: pieces of memory, and buffers of a fixed size.
#ifndef TSOCI_NATIVE_LAUNCHER_TEXT_H_
#define TSOCI_NATIVE_LAUNCHER_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace tsoci::launcher {

/// Appends to memory that it has; what does not fit marks it as overflown and is left out.
template <size_t kSize>
class Buffer {
 public:
  Buffer& add(std::string_view text) {
    if (text.size() > kSize - used_ - 1) {
      overflown_ = true;
      return *this;
    }
    std::memcpy(bytes_ + used_, text.data(), text.size());
    used_ += text.size();
    bytes_[used_] = '\0';
    return *this;
  }
  Buffer& add_byte(unsigned byte) {
    const char one = static_cast<char>(byte);
    return add({&one, 1});
  }
  /// Four bytes, the highest first.
  Buffer& add_big_endian(uint32_t number) {
    for (int shift = 24; shift >= 0; shift -= 8) add_byte(number >> shift & 0xff);
    return *this;
  }
  Buffer& add_decimal(uint64_t number) {
    char digits[20];
    size_t at = sizeof(digits);
    do {
      digits[--at] = static_cast<char>('0' + number % 10);
      number /= 10;
    } while (number > 0);
    return add({digits + at, sizeof(digits) - at});
  }

  void clear() {
    used_ = 0;
    overflown_ = false;
    bytes_[0] = '\0';
  }
  bool fits() const { return !overflown_; }
  std::string_view view() const { return {bytes_, used_}; }
  const char* c_str() const { return bytes_; }

 private:
  // Not = "": clang 14 gives all sizes the literal of the first, and writes beyond the smaller
  // ones.
  char bytes_[kSize] = {};
  size_t used_ = 0;
  bool overflown_ = false;
};

}  // namespace tsoci::launcher

#endif  // TSOCI_NATIVE_LAUNCHER_TEXT_H_
