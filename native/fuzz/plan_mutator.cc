// Changes a plan as a list of steps: without it nearly every change only makes the first length
// wrong, and nothing behind it is ever read.
#include <algorithm>
#include <random>
#include <vector>

#include "fuzz/plan_bytes.h"
#include "wire/plan_reader.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace {

using namespace tsoci::wire;

struct Step {
  uint32_t code;
  std::vector<uint8_t> fields;
};

std::vector<Step> read_steps(Bytes plan) {
  std::vector<Step> steps;
  Reader reader(plan.subspan(sizeof(PlanHeader)));
  for (EncodedStep step; read_step(reader, step);) {
    const auto* begin = reinterpret_cast<const uint8_t*>(step.fields.data());
    steps.push_back({step.code, {begin, begin + step.fields.size()}});
  }
  return steps;
}

constexpr size_t kMostFieldBytes = 4096;

void mutate_fields(Step& step) {
  const size_t size = step.fields.size();
  step.fields.resize(std::min(kMostFieldBytes, 2 * size + 16));
  step.fields.resize(LLVMFuzzerMutate(step.fields.data(), size, step.fields.size()));
}

/// Changes a string or list with its length: a whole number of fours comes or goes at its end.
void stretch_fields(Step& step, std::minstd_rand& random) {
  if (step.fields.size() < 2 * sizeof(uint32_t)) return;
  const size_t words = step.fields.size() / sizeof(uint32_t);
  uint8_t* at = step.fields.data() + random() % words * sizeof(uint32_t);
  uint32_t length;
  std::memcpy(&length, at, sizeof(length));
  length += random() % 9 - 4;
  std::memcpy(at, &length, sizeof(length));
  if (random() % 2 == 0) step.fields.insert(step.fields.end(), sizeof(uint32_t), 0);
}

void mutate_steps(std::vector<Step>& steps, std::minstd_rand& random) {
  const size_t at = random() % steps.size();
  switch (random() % 6) {
    case 0:
      steps.erase(steps.begin() + static_cast<ptrdiff_t>(at));
      break;
    case 1:
      steps.push_back(steps[at]);
      break;
    case 2:
      std::swap(steps[at], steps[random() % steps.size()]);
      break;
    case 3:
      steps[at].code = static_cast<uint32_t>(random() % 64);
      break;
    case 4:
      stretch_fields(steps[at], random);
      break;
    default:
      mutate_fields(steps[at]);
  }
}

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned seed) {
  std::minstd_rand random(seed);
  const Bytes plan(reinterpret_cast<const std::byte*>(data), size);
  constexpr unsigned kPlainly = 8;
  if (size < sizeof(PlanHeader) || random() % kPlainly == 0) {
    return LLVMFuzzerMutate(data, size, max_size);
  }
  std::vector<Step> steps = read_steps(plan);
  if (steps.empty()) return LLVMFuzzerMutate(data, size, max_size);
  mutate_steps(steps, random);
  PlanHeader header;
  std::memcpy(&header, data, sizeof(header));
  header.step_count = static_cast<uint32_t>(steps.size());
  tsoci::fuzz::PlanBytes bytes;
  bytes.raw(&header, sizeof(header));
  for (const Step& step : steps) {
    const auto* fields = reinterpret_cast<const std::byte*>(step.fields.data());
    bytes.number(step.code).blob({fields, step.fields.size()});
  }
  if (bytes.view().size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::memcpy(data, bytes.view().data(), bytes.view().size());
  // The size in the header is the one field that is never anything else.
  const auto byte_count = static_cast<uint32_t>(bytes.view().size());
  std::memcpy(data + offsetof(PlanHeader, byte_count), &byte_count, sizeof(byte_count));
  return byte_count;
}
