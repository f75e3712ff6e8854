// Properties of the process that the kernel has one call for each.
#include <errno.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init/context.h"

namespace tsoci::init {

Result<void> carry_out(Context&, const wire::SetPersonalityStep& step) {
  if (personality(step.persona) < 0) return Error::from_errno("personality", "0x%x", step.persona);
  return {};
}

Result<void> carry_out(Context&, const wire::ResetAffinityStep&) {
  unsigned long every[64];
  std::memset(every, 0xff, sizeof(every));
  // The kernel takes what there is of them, and a kernel that says no leaves the caller's.
  syscall(SYS_sched_setaffinity, 0, sizeof(every), every);
  return {};
}

Result<void> carry_out(Context&, const wire::SetAffinityStep& step) {
  if (syscall(SYS_sched_setaffinity, 0, step.mask.size(), step.mask.data()) < 0) {
    return Error::from_errno("sched_setaffinity");
  }
  return {};
}

Result<void> carry_out(Context&, const wire::SetSchedulerStep& step) {
  /// As sched_setattr(2) wants it; glibc has it from 2.41 on.
  struct {
    uint32_t size;
    uint32_t policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime_ns;
    uint64_t deadline_ns;
    uint64_t period_ns;
  } attributes{sizeof(attributes), step.policy,     step.flags,       step.nice,
               step.priority,      step.runtime_ns, step.deadline_ns, step.period_ns};
  if (syscall(SYS_sched_setattr, 0, &attributes, 0) < 0) {
    // sched_setattr(2): a deadline is kept only by who may run on every processor.
    constexpr uint32_t kDeadline = 6;
    const bool is_kept_from_some = errno == EPERM && step.policy == kDeadline;
    return Error::from_errno(
        "sched_setattr", "policy %u%s", step.policy,
        is_kept_from_some ? ": process scheduler can't be used together with AllowedCPUs" : "");
  }
  return {};
}

Result<void> carry_out(Context&, const wire::SetIoPriorityStep& step) {
  constexpr int kWhoProcessGroup = 2;
  if (syscall(SYS_ioprio_set, kWhoProcessGroup, 0, step.value) < 0) {
    return Error::from_errno("ioprio_set", "0x%x", step.value);
  }
  return {};
}

Result<void> carry_out(Context&, const wire::SetMemoryPolicyStep& step) {
  static unsigned long nodes[128];
  if (step.node_mask.size() > sizeof(nodes)) {
    return Error::refusal("a node mask of %zu bytes, and the kernel takes %zu",
                          step.node_mask.size(), sizeof(nodes));
  }
  std::memcpy(nodes, step.node_mask.data(), step.node_mask.size());
  // The kernel reads one bit less than it is told.
  const unsigned long bits = step.node_mask.empty() ? 0 : step.node_mask.size() * 8 + 1;
  if (syscall(SYS_set_mempolicy, static_cast<int>(step.mode), bits == 0 ? nullptr : nodes, bits) <
      0) {
    return Error::from_errno("set_mempolicy", "mode 0x%x", step.mode);
  }
  return {};
}

Result<void> carry_out(Context&, const wire::SetLimitStep& step) {
  const rlimit64 limit{step.soft, step.hard};
  if (syscall(SYS_prlimit64, 0, step.resource, &limit, nullptr) < 0) {
    return Error::from_errno("prlimit", "soft %llu, hard %llu",
                             static_cast<unsigned long long>(step.soft),
                             static_cast<unsigned long long>(step.hard));
  }
  return {};
}

}  // namespace tsoci::init
