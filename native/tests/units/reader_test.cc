// What init reads comes from another process: whatever the bytes, the reader stays within them.
#include "wire/reader.h"

#include <string>
#include <vector>

#include "tests/units/expect.h"

namespace {

using tsoci::wire::Bytes;
using tsoci::wire::NumberList;
using tsoci::wire::Reader;
using tsoci::wire::StringList;

/// Bytes as the driver writes them: little-endian numbers, padded to a multiple of four.
class Wire {
 public:
  Wire& number(uint32_t value) {
    for (int shift = 0; shift < 32; shift += 8)
      bytes_.push_back(std::byte((value >> shift) & 0xff));
    return *this;
  }
  Wire& raw(const std::string& text) {
    for (const char letter : text) bytes_.push_back(std::byte(letter));
    while (bytes_.size() % 4 != 0) bytes_.push_back(std::byte{0});
    return *this;
  }
  /// A string with its length and its NUL.
  Wire& text(const std::string& text) {
    return number(static_cast<uint32_t>(text.size() + 1)).raw(text + '\0');
  }
  uint32_t size() const { return static_cast<uint32_t>(bytes_.size()); }
  Wire& append(const Wire& other) {
    bytes_.insert(bytes_.end(), other.bytes_.begin(), other.bytes_.end());
    return *this;
  }
  Bytes bytes() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

bool reads_string(const Wire& wire) {
  Reader reader(wire.bytes());
  const char* text = nullptr;
  return reader.read(text);
}

bool reads_strings(const Wire& wire) {
  Reader reader(wire.bytes());
  StringList list;
  return reader.read(list);
}

void reads_what_was_written() {
  const Wire wire = Wire().number(7).text("/proc").number(9);
  Reader reader(wire.bytes());
  uint32_t first = 0;
  const char* text = nullptr;
  uint32_t last = 0;
  EXPECT(reader.read(first) && reader.read(text) && reader.read(last));
  EXPECT(first == 7 && last == 9);
  EXPECT(std::string(text) == "/proc");
  EXPECT(reader.at_end());
}

void refuses_a_cut_number() {
  const std::byte three[3] = {};
  Reader reader(three);
  uint32_t value = 5;
  EXPECT(!reader.read(value));
  EXPECT(value == 5);
}

void refuses_a_string_that_is_not_one() {
  EXPECT(reads_string(Wire().text("")));
  EXPECT(!reads_string(Wire().number(0)));
  EXPECT(!reads_string(Wire().number(4).raw("abcd")));
  EXPECT(!reads_string(Wire().number(4).raw(std::string("a\0b\0", 4))));
}

void refuses_a_length_beyond_the_end() {
  EXPECT(!reads_string(Wire().number(9).raw("12345678")));
  // Its padded length is 2^32, which a 32-bit sum would take for nothing.
  EXPECT(!reads_string(Wire().number(0xffffffff).raw("12345678")));
  EXPECT(!reads_string(Wire().number(0xfffffffd).raw("12345678")));
}

void walks_a_list_of_strings() {
  const Wire items = Wire().text("PATH=/bin").text("").text("TERM=xterm");
  const Wire wire = Wire().number(3).number(items.size()).append(items);
  Reader reader(wire.bytes());
  StringList list;
  EXPECT(reader.read(list) && reader.at_end() && list.size() == 3);
  std::string joined;
  list.for_each([&](const char* text) { joined += std::string(text) + ";"; });
  EXPECT(joined == "PATH=/bin;;TERM=xterm;");
}

void refuses_a_list_whose_count_is_wrong() {
  const Wire items = Wire().text("a").text("b");
  EXPECT(reads_strings(Wire().number(2).number(items.size()).append(items)));
  EXPECT(!reads_strings(Wire().number(1).number(items.size()).append(items)));
  EXPECT(!reads_strings(Wire().number(3).number(items.size()).append(items)));
}

void reads_numbers_and_refuses_half_of_one() {
  const Wire wire = Wire().number(8).number(41).number(42);
  Reader reader(wire.bytes());
  NumberList list;
  EXPECT(reader.read(list) && list.size() == 2 && list[0] == 41 && list[1] == 42);

  const Wire cut = Wire().number(6).number(41).number(42);
  Reader cut_reader(cut.bytes());
  EXPECT(!cut_reader.read(list));
}

}  // namespace

int main() {
  return tsoci::test::run({
      {"numbers and strings come back as they were written", reads_what_was_written},
      {"a cut number is refused and changes nothing", refuses_a_cut_number},
      {"a string has its NUL at its end and nowhere else", refuses_a_string_that_is_not_one},
      {"a length beyond the end is refused", refuses_a_length_beyond_the_end},
      {"a list of strings is walked in order", walks_a_list_of_strings},
      {"a list has as many strings as it says", refuses_a_list_whose_count_is_wrong},
      {"a list of numbers has whole numbers only", reads_numbers_and_refuses_half_of_one},
  });
}
