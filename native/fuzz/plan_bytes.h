// Writes bytes in the layout of a plan, as the driver does in src/plan/byte-writer.ts.
#ifndef TSOCI_NATIVE_FUZZ_PLAN_BYTES_H_
#define TSOCI_NATIVE_FUZZ_PLAN_BYTES_H_

#include <cstring>
#include <vector>

#include "wire/reader.h"

namespace tsoci::fuzz {

class PlanBytes {
 public:
  PlanBytes& number(uint32_t value) { return raw(&value, sizeof(value)); }
  PlanBytes& text(const char* text) {
    const size_t size = std::strlen(text) + 1;
    return number(static_cast<uint32_t>(size)).raw(text, size).fill();
  }
  PlanBytes& blob(wire::Bytes bytes) {
    return number(static_cast<uint32_t>(bytes.size())).raw(bytes.data(), bytes.size()).fill();
  }
  PlanBytes& raw(const void* data, size_t size) {
    const auto* begin = static_cast<const std::byte*>(data);
    bytes_.insert(bytes_.end(), begin, begin + size);
    return *this;
  }
  wire::Bytes view() const { return bytes_; }

 private:
  PlanBytes& fill() {
    bytes_.resize((bytes_.size() + 3) & ~size_t{3});
    return *this;
  }
  std::vector<std::byte> bytes_;
};

}  // namespace tsoci::fuzz

#endif  // TSOCI_NATIVE_FUZZ_PLAN_BYTES_H_
