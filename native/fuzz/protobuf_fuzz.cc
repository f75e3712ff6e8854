// What containerd and another shim say to the launcher: fields of protobuf messages.
#include <memory>
#include <string>
#include <vector>

#include "fuzz/expect.h"
#include "launcher/shim/protobuf.h"

namespace {

using namespace tsoci::launcher;
using namespace tsoci::launcher::shim;

using Message = Buffer<64 * 1024>;

struct Fields {
  std::vector<Field> list;
  bool ok;
};

Fields read_all(std::string_view message) {
  Fields fields{};
  FieldReader reader(message);
  for (Field field; reader.next(field);) {
    // Every field took a byte of its own, and refers to nothing outside.
    EXPECT(fields.list.size() < message.size());
    EXPECT(field.bytes.empty() ||
           (field.bytes.data() >= message.data() &&
            field.bytes.data() + field.bytes.size() <= message.data() + message.size()));
    fields.list.push_back(field);
  }
  fields.ok = reader.ok();
  return fields;
}

/// Of those fields that the launcher writes itself.
void show_round_trip(const std::vector<Field>& fields) {
  static Message written;
  written.clear();
  std::vector<Field> kept;
  for (const Field& field : fields) {
    if (field.number > UINT32_MAX >> 3 || field.type == WireType::fixed64 ||
        field.type == WireType::fixed32) {
      continue;
    }
    const auto number = static_cast<unsigned>(field.number);
    if (field.type == WireType::varint) add_number(written, number, field.varint);
    if (field.type == WireType::bytes) add_text(written, number, field.bytes);
    kept.push_back(field);
  }
  if (!written.fits()) return;
  const Fields again = read_all(written.view());
  EXPECT(again.ok && again.list.size() == kept.size());
  for (size_t index = 0; index < kept.size(); ++index) {
    EXPECT(again.list[index].number == kept[index].number);
    EXPECT(again.list[index].varint == kept[index].varint);
    EXPECT(again.list[index].bytes == kept[index].bytes);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view message(reinterpret_cast<const char*>(data), size);
  const Fields fields = read_all(message);
  show_round_trip(fields.list);
  // Messages lie in messages.
  for (const Field& field : fields.list) read_all(field.bytes);
  return 0;
}
