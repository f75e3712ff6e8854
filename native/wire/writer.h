// Writes one message into a buffer of fixed size, in the layout that wire/reader.h reads.
#ifndef TSOCI_NATIVE_WIRE_WRITER_H_
#define TSOCI_NATIVE_WIRE_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace tsoci::wire {

/// No message is longer: it has to fit into a socket's buffer whole.
inline constexpr size_t kMaxMessageBytes = 16 * 1024;

class Writer {
 public:
  void write(uint32_t value) { copy(&value, sizeof(value)); }
  void write(int32_t value) { copy(&value, sizeof(value)); }

  /// A text that is too long is cut: what is left of an error is better than none.
  void write(const char* text) {
    const size_t room = kMaxMessageBytes - size_;
    if (room < 2 * sizeof(uint32_t)) return;
    size_t length = strnlen(text, room - 2 * sizeof(uint32_t));
    write(static_cast<uint32_t>(length + 1));
    copy(text, length);
    pad_with_nul(1);
  }

  void write_bytes(const void* bytes, size_t size) {
    write(static_cast<uint32_t>(size));
    copy(bytes, size);
    pad_with_nul(0);
  }

  const void* bytes() const { return buffer_; }
  size_t size() const { return size_; }

 private:
  void copy(const void* bytes, size_t size) {
    if (size > kMaxMessageBytes - size_) return;
    std::memcpy(buffer_ + size_, bytes, size);
    size_ += size;
  }

  void pad_with_nul(size_t at_least) {
    static constexpr char kZeros[8] = {};
    const size_t end = (size_ + at_least + 3) & ~size_t{3};
    copy(kZeros, end - size_);
  }

  alignas(8) char buffer_[kMaxMessageBytes];
  size_t size_ = 0;
};

}  // namespace tsoci::wire

#endif  // TSOCI_NATIVE_WIRE_WRITER_H_
