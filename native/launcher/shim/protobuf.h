// As much of protobuf's wire format as `start` and `delete` need.
#ifndef TSOCI_NATIVE_LAUNCHER_SHIM_PROTOBUF_H_
#define TSOCI_NATIVE_LAUNCHER_SHIM_PROTOBUF_H_

#include "launcher/text.h"

namespace tsoci::launcher::shim {

enum class WireType : uint8_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

struct Field {
  uint64_t number;
  WireType type;
  uint64_t varint;         ///< Of a varint.
  std::string_view bytes;  ///< Of a field with a length.
};

/// Reads the fields of a message one after the other.
class FieldReader {
 public:
  explicit FieldReader(std::string_view message) : rest_(message) {}

  /// False at the end, and when what follows is no field: `ok` tells which.
  bool next(Field& field) {
    if (rest_.empty()) return false;
    uint64_t tag = 0;
    if (!read_varint(tag)) return fail();
    field = {tag >> 3, static_cast<WireType>(tag & 7), 0, {}};
    switch (field.type) {
      case WireType::varint:
        return read_varint(field.varint) || fail();
      case WireType::fixed64:
        return take(8, field.bytes) || fail();
      case WireType::fixed32:
        return take(4, field.bytes) || fail();
      case WireType::bytes: {
        uint64_t size = 0;
        return (read_varint(size) && take(size, field.bytes)) || fail();
      }
    }
    return fail();
  }

  bool ok() const { return ok_; }

 private:
  bool fail() {
    ok_ = false;
    return false;
  }

  bool take(uint64_t size, std::string_view& bytes) {
    if (size > rest_.size()) return false;
    bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }

  bool read_varint(uint64_t& value) {
    value = 0;
    for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<uint8_t>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }

  std::string_view rest_;
  bool ok_ = true;
};

template <size_t kSize>
void add_varint(Buffer<kSize>& message, uint64_t value) {
  for (; value >= 0x80; value >>= 7) message.add_byte((value & 0x7f) | 0x80);
  message.add_byte(static_cast<unsigned>(value));
}

template <size_t kSize>
void add_number(Buffer<kSize>& message, unsigned field, uint64_t value) {
  add_varint(message, field << 3 | static_cast<unsigned>(WireType::varint));
  add_varint(message, value);
}

template <size_t kSize>
void add_text(Buffer<kSize>& message, unsigned field, std::string_view text) {
  add_varint(message, field << 3 | static_cast<unsigned>(WireType::bytes));
  add_varint(message, text.size());
  message.add(text);
}

}  // namespace tsoci::launcher::shim

#endif  // TSOCI_NATIVE_LAUNCHER_SHIM_PROTOBUF_H_
