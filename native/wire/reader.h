// Reads what the driver wrote, in place and within bounds. Everything is little-endian and starts
// at a multiple of four; strings end in NUL, so that they can be handed to the kernel as they are.
#ifndef TSOCI_NATIVE_WIRE_READER_H_
#define TSOCI_NATIVE_WIRE_READER_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace tsoci::wire {

using Bytes = std::span<const std::byte>;

class Reader {
 public:
  explicit Reader(Bytes bytes) : bytes_(bytes) {}

  bool at_end() const { return offset_ == bytes_.size(); }

  bool read(uint32_t& value) { return copy(&value, sizeof(value)); }
  bool read(uint64_t& value) { return copy(&value, sizeof(value)); }
  bool read(int32_t& value) { return copy(&value, sizeof(value)); }

  bool read(Bytes& value) {
    uint32_t size = 0;
    if (!read(size) || !fits(size)) return false;
    value = bytes_.subspan(offset_, size);
    return skip_padded(size);
  }

  /// A string without an inner NUL: a cut name is another file's name.
  bool read(const char*& value) {
    Bytes text;
    if (!read(text) || text.empty() || text.back() != std::byte{0}) return false;
    value = reinterpret_cast<const char*>(text.data());
    return std::strlen(value) == text.size() - 1;
  }

  template <typename List>
  requires requires(List list) { List::read_from(*static_cast<Reader*>(nullptr), list); }
  bool read(List& list) { return List::read_from(*this, list); }

 private:
  bool fits(size_t size) const { return size <= bytes_.size() - offset_; }

  bool copy(void* into, size_t size) {
    if (!fits(size)) return false;
    std::memcpy(into, bytes_.data() + offset_, size);
    offset_ += size;
    return true;
  }

  bool skip_padded(size_t size) {
    const size_t padded = (size + 3) & ~size_t{3};
    if (padded < size || !fits(padded)) return false;
    offset_ += padded;
    return true;
  }

  Bytes bytes_;
  size_t offset_ = 0;
};

/// A list of strings. It is checked whole when it is read, and walked afterwards without a copy.
class StringList {
 public:
  uint32_t size() const { return count_; }

  /// Calls `visit(const char*)` for each string, in order.
  template <typename Visit>
  void for_each(Visit visit) const {
    Reader reader(items_);
    for (uint32_t index = 0; index < count_; ++index) {
      const char* text = "";
      if (!reader.read(text)) return;
      visit(text);
    }
  }

  static bool read_from(Reader& reader, StringList& list) {
    Bytes items;
    uint32_t count = 0;
    if (!reader.read(count) || !reader.read(items)) return false;
    Reader check(items);
    for (uint32_t index = 0; index < count; ++index) {
      const char* text = "";
      if (!check.read(text)) return false;
    }
    list.count_ = count;
    list.items_ = items;
    return check.at_end();
  }

 private:
  uint32_t count_ = 0;
  Bytes items_;
};

/// A list of 32-bit numbers.
class NumberList {
 public:
  uint32_t size() const { return static_cast<uint32_t>(items_.size() / sizeof(uint32_t)); }
  uint32_t operator[](uint32_t index) const {
    uint32_t value = 0;
    std::memcpy(&value, items_.data() + index * sizeof(value), sizeof(value));
    return value;
  }

  static bool read_from(Reader& reader, NumberList& list) {
    return reader.read(list.items_) && list.items_.size() % sizeof(uint32_t) == 0;
  }

 private:
  Bytes items_;
};

}  // namespace tsoci::wire

#endif  // TSOCI_NATIVE_WIRE_READER_H_
