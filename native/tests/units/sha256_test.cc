// The digests that FIPS 180-4's examples and coreutils' sha256sum give.
#include "sys/sha256.h"

#include <string>

#include "tests/units/expect.h"

namespace {

using tsoci::sys::Digest;
using tsoci::sys::Sha256;

std::string hex(const Digest& digest) {
  std::string text;
  for (const uint8_t byte : digest) {
    char two[3];
    std::snprintf(two, sizeof(two), "%02x", byte);
    text += two;
  }
  return text;
}

std::string hash(const std::string& text) {
  return hex(Sha256().add(text.data(), text.size()).finish());
}

void hashes_nothing() {
  EXPECT(hash("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

void hashes_one_block_and_two() {
  EXPECT(hash("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT(hash("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

void hashes_a_million_letters() {
  EXPECT(hash(std::string(1'000'000, 'a')) ==
         "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

void does_not_care_how_a_message_is_cut() {
  const std::string text(200, 'x');
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    Sha256 parts;
    parts.add(text.data(), cut).add(text.data() + cut, text.size() - cut);
    EXPECT(hex(parts.finish()) == hash(text));
  }
}

}  // namespace

int main() {
  constexpr tsoci::test::Case kCases[] = {
      {"nothing has a digest", hashes_nothing},
      {"a message that fills a block goes on in another", hashes_one_block_and_two},
      {"a long message is right", hashes_a_million_letters},
      {"the parts of a message are one message", does_not_care_how_a_message_is_cut},
  };
  return tsoci::test::run(kCases);
}
