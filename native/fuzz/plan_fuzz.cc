// Any bytes as a plan: init reads what another process wrote. With TSOCI_FUZZ_WHOLE=1 the inputs
// are plans of the driver, which have to be readable to the last byte.
#include <cstdlib>
#include <string>
#include <vector>

#include "fuzz/expect.h"
#include "fuzz/plan_bytes.h"
#include "wire/plan_reader.h"

namespace {

using namespace tsoci::wire;

/// Touches all that a step refers to, as carrying it out would, and writes it again.
struct Rewriter {
  tsoci::fuzz::PlanBytes bytes;

  bool operator()(uint32_t& value) { return bytes.number(value), true; }
  bool operator()(int32_t& value) { return bytes.number(static_cast<uint32_t>(value)), true; }
  bool operator()(uint64_t& value) {
    bytes.number(static_cast<uint32_t>(value)).number(static_cast<uint32_t>(value >> 32));
    return true;
  }
  bool operator()(const char*& value) { return bytes.text(value), true; }
  bool operator()(Bytes& value) { return bytes.blob(value), true; }
  bool operator()(NumberList& list) {
    bytes.number(list.size() * sizeof(uint32_t));
    for (uint32_t index = 0; index < list.size(); ++index) bytes.number(list[index]);
    return true;
  }
  bool operator()(StringList& list) {
    tsoci::fuzz::PlanBytes items;
    uint32_t count = 0;
    list.for_each([&](const char* text) {
      items.text(text);
      ++count;
    });
    EXPECT(count == list.size());
    bytes.number(count).blob(items.view());
    return true;
  }
};

template <typename Step>
std::vector<std::byte> rewritten(Step step) {
  Rewriter rewriter;
  every_field(step, [&](auto& field) { return rewriter(field); });
  const Bytes bytes = rewriter.bytes.view();
  return {bytes.begin(), bytes.end()};
}

/// What was read and written again is read as the same.
template <typename Step>
std::vector<std::byte> show_round_trip(const Step& step) {
  const std::vector<std::byte> first = rewritten(step);
  Reader reader(first);
  Step again;
  EXPECT(read_fields(reader, again) && reader.at_end());
  EXPECT(rewritten(again) == first);
  return first;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const bool is_whole = std::getenv("TSOCI_FUZZ_WHOLE") != nullptr;
  const Bytes plan(reinterpret_cast<const std::byte*>(data), size);
  if (size < sizeof(PlanHeader)) return 0;
  PlanHeader header;
  std::memcpy(&header, plan.data(), sizeof(header));
  // Another build's plan is walked all the same: the reader must not rely on the hash.
  const bool is_ours = is_of_this_build(header, plan);
  Reader reader(plan.subspan(sizeof(PlanHeader)));
  EncodedStep encoded;
  uint32_t steps = 0;
  while (steps < header.step_count && read_step(reader, encoded)) {
    const bool is_read = decode_step(
        encoded,
        [&](const auto& step) {
          const std::vector<std::byte> again = show_round_trip(step);
          // The driver fills up with zeros, so that its bytes are the only ones for its step.
          const std::vector<std::byte> was(encoded.fields.begin(), encoded.fields.end());
          EXPECT(!is_whole || again == was);
          return true;
        },
        [] { return false; });
    if (!is_read) break;
    ++steps;
  }
  EXPECT(!is_whole || (is_ours && steps == header.step_count && reader.at_end()));
  return 0;
}
