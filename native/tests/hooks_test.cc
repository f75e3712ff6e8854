// Hooks that init runs: what they get, and what becomes of them.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/harness.h"

namespace tsoci::tests {
namespace {

constexpr char kBefore[] = "{\"pid\":";
constexpr char kAfter[] = "}";

wire::RunHookStep shell(const char* script) {
  return {.kind = "createContainer",
          .index = 2,
          .path = "/bin/sh",
          .args = strings({"sh", "-c", script}),
          .env = strings({"PATH=/usr/bin:/bin", "GIVEN=yes"}),
          .state_before_pid = kBefore,
          .state_after_pid = kAfter};
}

/// Waits for the end of a process that need not be our child.
void expect_end_of(pid_t pid) {
  const UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd.is_open()) return;  // Ended and reaped.
  pollfd wait{pidfd.get(), POLLIN, 0};
  EXPECT(poll(&wait, 1, 10'000) == 1);
}

TEST(hook_input,
     "a hook reads the state with init's pid, in the rootfs, with its own environment") {
  Context context = attached_rootfs();
  EXPECT_DONE(carry_out(
      context,
      shell("cat > /mnt/outside/state; pwd -P > /mnt/outside/cwd; env > /mnt/outside/env")));
  EXPECT_EQUAL(read_file("/mnt/outside/state"), kBefore + std::to_string(getpid()) + kAfter);
  EXPECT_EQUAL(read_file("/mnt/outside/cwd"), std::string(kRootfs) + "\n");
  const std::string environment = read_file("/mnt/outside/env");
  EXPECT(environment.find("GIVEN=yes") != std::string::npos);
  EXPECT(environment.find("HOME=") == std::string::npos);
}

TEST(hook_start, "after the root changed a hook starts where the program will") {
  Context context = attached_rootfs();
  context.root_changed = true;
  EXPECT(chdir(kOutside) == 0);
  EXPECT_DONE(carry_out(context, shell("pwd -P > cwd")));
  EXPECT_EQUAL(read_file("/mnt/outside/cwd"), std::string(kOutside) + "\n");
}

TEST(hook_arguments, "a hook without arguments is called by its path") {
  write_file("/mnt/outside/hook", "#!/bin/sh\necho \"$0 $#\" > /mnt/outside/called\n");
  EXPECT(chmod("/mnt/outside/hook", 0755) == 0);
  Context context = attached_rootfs();
  EXPECT_DONE(carry_out(context, wire::RunHookStep{.kind = "createContainer",
                                                   .path = "/mnt/outside/hook",
                                                   .state_before_pid = "",
                                                   .state_after_pid = ""}));
  EXPECT_EQUAL(read_file("/mnt/outside/called"), "/mnt/outside/hook 0\n");
}

TEST(hook_descriptors, "a hook inherits nothing but its streams") {
  EXPECT(dup2(STDERR_FILENO, 50) == 50);
  Context context = attached_rootfs();
  EXPECT_DONE(carry_out(context, shell("exec ls /proc/self/fd > /mnt/outside/fds")));
  // 3 is the directory that ls reads.
  EXPECT_EQUAL(read_file("/mnt/outside/fds"), "0\n1\n2\n3\n");
}

TEST(hook_closed_streams, "a hook has its streams when init has none") {
  Context context = attached_rootfs();
  for (int stream = 0; stream <= STDERR_FILENO; ++stream) close(stream);
  const Result<void> ran =
      carry_out(context, shell("cat > /mnt/outside/state; echo why >&2; exit 3"));
  EXPECT_REFUSED(ran, "exit status 3, stderr: why");
  EXPECT_EQUAL(read_file("/mnt/outside/state"), kBefore + std::to_string(getpid()) + kAfter);
}

TEST(hook_status, "a hook that fails is named with its status and its last words") {
  Context context = attached_rootfs();
  const Result<void> ran = carry_out(context, shell("echo out; echo why >&2; exit 9"));
  EXPECT(!ran && ran.error().number == 0);
  EXPECT_EQUAL(std::string(ran.error().detail),
               "error running createContainer hook #2: exit status 9, stderr: out\nwhy");
}

TEST(hook_tail, "of a hook that talks much the end is kept") {
  Context context = attached_rootfs();
  const Result<void> ran = carry_out(
      context, shell("i=0; while [ $i -lt 2000 ]; do echo 'many words'; i=$((i+1)); done; "
                     "echo the reason; exit 1"));
  EXPECT_REFUSED(ran, "many words\nthe reason");
}

TEST(hook_signal, "a hook that a signal ended has failed (B120)") {
  Context context = attached_rootfs();
  EXPECT_REFUSED(carry_out(context, shell("kill -KILL $$")),
                 "error running createContainer hook #2: signal: killed");
}

TEST(hook_missing, "a hook that cannot be executed says why") {
  Context context = attached_rootfs();
  wire::RunHookStep step = shell("");
  step.path = "/no/such/hook";
  EXPECT_REFUSED(carry_out(context, step),
                 "exit status 127, stderr: execve: no such file or directory");
}

TEST(hook_deaf, "a hook need not read its input, however long it is") {
  const std::string long_state(1 << 20, 's');
  Context context = attached_rootfs();
  wire::RunHookStep step = shell("exit 0");
  step.state_before_pid = long_state.c_str();
  EXPECT_DONE(carry_out(context, step));
}

TEST(hook_timeout, "at its timeout a hook is killed with all that it started") {
  Context context = attached_rootfs();
  wire::RunHookStep step = shell("sleep 1000 & echo $! > /mnt/outside/pid; echo waits; sleep 1000");
  step.timeout_seconds = 1;
  EXPECT_REFUSED(carry_out(context, step), "timed out after 1 seconds, stderr: waits");
  expect_end_of(atoi(read_file("/mnt/outside/pid").c_str()));
}

TEST(hook_daemon, "a process that a hook leaves behind is not waited for (S40)") {
  Context context = attached_rootfs();
  wire::RunHookStep step = shell("sleep 1000 & echo $! > /mnt/outside/pid");
  step.timeout_seconds = 100;
  EXPECT_DONE(carry_out(context, step));
  const pid_t daemon = atoi(read_file("/mnt/outside/pid").c_str());
  EXPECT(kill(daemon, SIGKILL) == 0);
}

TEST(hook_long_timeout, "a timeout of many years does not end at once") {
  Context context = attached_rootfs();
  wire::RunHookStep step = shell("read -t 1 nothing; exit 0");
  step.timeout_seconds = UINT32_MAX;
  EXPECT_DONE(carry_out(context, step));
}

TEST(hook_orphan, "a hook ends with init") {
  EXPECT(mkfifo("/mnt/outside/fifo", 0600) == 0);
  const pid_t init = fork();
  if (init == 0) {
    Context context = attached_rootfs();
    (void)carry_out(context, shell("echo $$ > /mnt/outside/fifo; exec sleep 1000"));
    _exit(0);
  }
  const pid_t hook = atoi(read_file("/mnt/outside/fifo").c_str());
  EXPECT(hook > 0);
  EXPECT(kill(init, SIGKILL) == 0 && waitpid(init, nullptr, 0) == init);
  expect_end_of(hook);
}

}  // namespace
}  // namespace tsoci::tests
