#include "launcher/shim_start.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tsoci::launcher {
namespace {

constexpr char kShimPrefix[] = "containerd-shim-";

[[noreturn]] void fail(const char* doing) {
  dprintf(STDERR_FILENO, "tsoci: start the shim: %s: %s\n", doing, strerror(errno));
  _exit(1);
}

void write_all(const char* bytes, size_t size) {
  while (size > 0) {
    const ssize_t written = write(STDOUT_FILENO, bytes, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("write the answer");
    bytes += written;
    size -= static_cast<size_t>(written);
  }
}

/// Whether anything came through the pipe before its end.
bool pass_on(int answer_fd) {
  bool has_come = false;
  char bytes[4096];
  while (true) {
    const ssize_t got = read(answer_fd, bytes, sizeof(bytes));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("read its answer");
    if (got == 0) return has_come;
    has_come = true;
    write_all(bytes, static_cast<size_t>(got));
  }
}

/// The child has told why, if it could.
[[noreturn]] void end_like(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) fail("wait for it");
  }
  _exit(WIFEXITED(status) && WEXITSTATUS(status) != 0 ? WEXITSTATUS(status) : 1);
}

}  // namespace

bool is_shim_start(int argument_count, char* const* arguments) {
  if (argument_count < 2 || strcmp(arguments[argument_count - 1], "start") != 0) return false;
  const char* slash = strrchr(arguments[0], '/');
  const char* name = slash == nullptr ? arguments[0] : slash + 1;
  return strncmp(name, kShimPrefix, sizeof(kShimPrefix) - 1) == 0;
}

void leave_shim_behind() {
  int answer[2];
  if (pipe2(answer, O_CLOEXEC) < 0) fail("pipe2");
  const pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    // What is sent to containerd's group, or to the terminal that it was started from, is not for
    // it.
    setsid();
    if (dup2(answer[1], STDOUT_FILENO) < 0) fail("dup2");
    // Nor what it has open: it would stay open for as long as the pod lives.
    if (syscall(SYS_close_range, STDERR_FILENO + 1U, ~0U, 0U) < 0) fail("close_range");
    return;
  }
  close(answer[1]);
  if (pass_on(answer[0])) _exit(0);
  end_like(child);
}

}  // namespace tsoci::launcher
