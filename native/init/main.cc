// tsoci-init: carries out a plan, step by step, and becomes the container's program.
//
// It knows no policy. Which steps there are, and in which order, the driver decided in
// src/plan/order.ts; this file runs them and reports the one that failed.
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/attach.h"
#include "init/link.h"
#include "wire/plan_reader.h"

namespace tsoci::init {
namespace {

/// What `ps` and /proc/PID/stat show until the program runs; `state` tells created from running by
/// it.
constexpr char kProcessName[] = "tsoci:[init]";
constexpr uint32_t kTraceFlag = 1;

using wire::PlanHeader;

/// Decodes one step and runs it.
Result<void> run_step(Context& context, const wire::EncodedStep& encoded) {
  return wire::decode_step(
      encoded, [&](const auto& step) { return carry_out(context, step); },
      [&]() -> Result<void> {
        return Error::refusal("step %u of the plan has code %u and %zu bytes, which do not fit",
                              context.step, encoded.code, encoded.fields.size());
      });
}

Result<wire::Bytes> map_plan(int plan_fd) {
  struct stat file {};
  if (fstat(plan_fd, &file) < 0) return Error::from_errno("fstat", "plan");
  const auto size = static_cast<size_t>(file.st_size);
  if (size < sizeof(PlanHeader)) return Error::refusal("the plan has %zu bytes", size);
  void* bytes = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, plan_fd, 0);
  if (bytes == MAP_FAILED) return Error::from_errno("mmap", "plan");
  close(plan_fd);
  return wire::Bytes(static_cast<const std::byte*>(bytes), size);
}

Result<void> run_plan(Context& context, const PlanHeader& header, wire::Bytes plan) {
  if (!wire::is_of_this_build(header, plan)) {
    return Error::refusal("the plan is of another build of tsoci");
  }
  if ((header.flags & kTraceFlag) != 0) context.trace.turn_on();
  wire::Reader reader(plan.subspan(sizeof(PlanHeader)));
  for (; context.step < header.step_count; ++context.step) {
    wire::EncodedStep encoded;
    if (!wire::read_step(reader, encoded)) return Error::refusal("the plan is cut");
    const uint64_t begin_ns = context.trace.is_on() ? Trace::now_ns() : 0;
    TRY_VOID(run_step(context, encoded));
    if (context.trace.is_on()) context.trace.add(context.step, begin_ns, Trace::now_ns());
    // The last moment at which sending is sure to be allowed: a filter may come next.
    if (context.program.path != nullptr && context.trace.is_on() && context.starter.is_open()) {
      // A trace that nobody hears changes nothing.
      (void)context.trace.send(context.starter.get());
      context.trace.turn_off();
    }
  }
  return Error::refusal("the plan ends without a program");
}

}  // namespace

[[noreturn]] void run(int plan_fd) {
  static Context context;
  Result<wire::Bytes> plan = map_plan(plan_fd);
  if (!plan) _exit(1);
  PlanHeader header;
  std::memcpy(&header, plan.value().data(), sizeof(header));
  // From here on there is someone to tell.
  context.link.reset(header.link_fd);
  if (fcntl(header.link_fd, F_SETFD, FD_CLOEXEC) < 0) _exit(1);
  if (prctl(PR_SET_NAME, kProcessName) < 0) {
    fail(context, Error::from_errno("prctl(PR_SET_NAME)"));
  }
  const Result<void> ended = run_plan(context, header, plan.value());
  detach_attached(context);
  fail(context, ended.error());
}

}  // namespace tsoci::init

int main(int argument_count, char** arguments) {
  if (argument_count != 2) {
    dprintf(STDERR_FILENO, "tsoci-init is a part of tsoci and is run by it alone\n");
    return 1;
  }
  tsoci::init::run(atoi(arguments[1]));
}
