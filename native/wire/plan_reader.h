// Reads a plan: its header, then one step after the other.
#ifndef TSOCI_NATIVE_WIRE_PLAN_READER_H_
#define TSOCI_NATIVE_WIRE_PLAN_READER_H_

#include "generated/plan.h"

namespace tsoci::wire {

struct PlanHeader {
  char magic[8];
  uint32_t layout_hash;
  uint32_t byte_count;
  uint32_t step_count;
  uint32_t flags;
  int32_t link_fd;
  uint32_t reserved;
};

/// Whether the driver that wrote `plan` is of the same build as this reader.
inline bool is_of_this_build(const PlanHeader& header, Bytes plan) {
  return std::memcmp(header.magic, kPlanMagic, sizeof(header.magic)) == 0 &&
         header.layout_hash == kPlanLayoutHash && header.byte_count == plan.size();
}

/// A step that is not yet decoded.
struct EncodedStep {
  uint32_t code = 0;
  Bytes fields;
};

inline bool read_step(Reader& reader, EncodedStep& step) {
  return reader.read(step.code) && reader.read(step.fields);
}

/// Decodes `encoded` and answers what `carry_out` does for the step, or what `refuse` does when no
/// step has that code and those fields.
template <typename CarryOut, typename Refuse>
auto decode_step(const EncodedStep& encoded, CarryOut carry_out, Refuse refuse)
    -> decltype(refuse()) {
  Reader reader(encoded.fields);
  switch (static_cast<StepCode>(encoded.code)) {
#define TSOCI_STEP_CASE(name, Type)                            \
  case StepCodeOf<Type>::value: {                              \
    Type step;                                                 \
    if (!read_fields(reader, step) || !reader.at_end()) break; \
    return carry_out(step);                                    \
  }
    TSOCI_STEPS(TSOCI_STEP_CASE)
#undef TSOCI_STEP_CASE
  }
  return refuse();
}

}  // namespace tsoci::wire

#endif  // TSOCI_NATIVE_WIRE_PLAN_READER_H_
