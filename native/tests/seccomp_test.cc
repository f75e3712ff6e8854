// The filter, and the thread that hands over the descriptor of its notifications.
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/harness.h"

namespace tsoci::tests {
namespace {

template <size_t count>
wire::LoadSeccompStep load(const sock_filter (&program)[count], uint32_t flags) {
  EXPECT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  return {.program = std::as_bytes(std::span<const sock_filter>(program)), .flags = flags};
}

constexpr sock_filter kTrapGetppid[] = {
    {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
    {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_getppid},
    {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_USER_NOTIF},
    {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
};

TEST(listener, "the driver gets the listener of a filter, once it has connected to an agent") {
  Context context;
  EXPECT_DONE(carry_out(context, load(kTrapGetppid, SECCOMP_FILTER_FLAG_NEW_LISTENER)));
  EXPECT(prctl(PR_GET_SECCOMP) == SECCOMP_MODE_FILTER);
  EXPECT(driver().agent_connected && driver().listener.is_open());
  seccomp_notif_sizes sizes{};
  EXPECT(syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) == 0);
  pollfd wait{driver().listener.get(), POLLIN, 0};
  EXPECT(poll(&wait, 1, 0) == 0 && wait.revents == 0);
}

TEST(no_listener, "a filter without notifications asks the driver for nothing") {
  Context context;
  EXPECT_DONE(carry_out(context, load(kTrapGetppid, 0)));
  EXPECT(!driver().agent_connected && !driver().listener.is_open());
}

TEST(refused_listener, "a filter that the kernel refuses leaves no thread and no filter") {
  Context context;
  EXPECT_REFUSED(
      carry_out(context, load(kTrapGetppid, SECCOMP_FILTER_FLAG_NEW_LISTENER | 1U << 30)),
      "seccomp(SECCOMP_SET_MODE_FILTER): EINVAL");
  EXPECT(prctl(PR_GET_SECCOMP) == SECCOMP_MODE_DISABLED);
  EXPECT_EQUAL(list("/proc/self/task"), std::to_string(getpid()));
}

TEST(trap_all, "a filter that traps every call is loaded, and its listener handed over") {
  constexpr sock_filter kTrapAll[] = {{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_USER_NOTIF}};
  void* memory = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  EXPECT(memory != MAP_FAILED);
  int* const loaded = static_cast<int*>(memory);
  const wire::LoadSeccompStep step = load(kTrapAll, SECCOMP_FILTER_FLAG_NEW_LISTENER);
  const pid_t child = fork();
  if (child == 0) {
    Context context;
    const Result<void> done = carry_out(context, step);
    __atomic_store_n(loaded, done && driver().listener.is_open() ? 1 : 2, __ATOMIC_SEQ_CST);
    // Nothing else is possible without an agent.
    for (;;) {
    }
  }
  for (int waited_ms = 0; waited_ms < 10'000 && __atomic_load_n(loaded, __ATOMIC_SEQ_CST) == 0;
       ++waited_ms) {
    poll(nullptr, 0, 1);
  }
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_EQUAL(uint64_t(__atomic_load_n(loaded, __ATOMIC_SEQ_CST)), uint64_t{1});
}

}  // namespace
}  // namespace tsoci::tests
