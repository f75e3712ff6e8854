// Joining the cgroup v1 hierarchies.
#include <unistd.h>

#include "init/context.h"

namespace tsoci::init {

Result<void> carry_out(Context&, const wire::JoinCgroupStep& step) {
  for (uint32_t index = 0; index < step.tasks_fds.size(); ++index) {
    const UniqueFd tasks(static_cast<int>(step.tasks_fds[index]));
    // 0 is the writer itself, whatever its pid is in which namespace. The driver opened the file,
    // and the kernel judges by the opener's rights.
    if (sys::retry_eintr([&] { return write(tasks.get(), "0", 1); }) < 0) {
      return Error::from_errno("write", "cgroup v1 tasks file");
    }
  }
  return {};
}

}  // namespace tsoci::init
