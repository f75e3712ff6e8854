// Times one command as exactly as a process can be timed, and tells how much memory it took.
//
//   measure run STDERR_FILE PROCS_FILE|- HIDDEN_DIR|- COMMAND...
//     prints "NANOSECONDS MAXRSS_KIB STATUS". The command runs in the cgroup of PROCS_FILE, and sees
//     an empty directory in place of HIDDEN_DIR.
//   measure answer STDIN_FILE ANSWER_FILE COMMAND...
//     the same, with standard streams from and to files.
//   measure read FIFO
//     reads until all writers are gone, and prints "BYTES".
//   measure wait PID TIMEOUT_MS
//     waits until the process has ended.
//
// A separate small program, because a child's maximum resident set counts what it was forked from:
// every child of Node would seem to need what Node needs.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int fail(const char *doing) {
  fprintf(stderr, "measure: %s: %s\n", doing, strerror(errno));
  return 125;
}

static long long now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static int join_cgroup(const char *procs_file) {
  const int fd = open(procs_file, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, "0", 1) != 1) return -1;
  return close(fd);
}

// In a mount namespace of our own: nobody else's view of the directory changes.
static int hide(const char *directory) {
  if (unshare(CLONE_NEWNS) != 0) return -1;
  if (mount("none", "/", NULL, MS_PRIVATE | MS_REC, NULL) != 0) return -1;
  return mount("none", directory, "tmpfs", 0, NULL);
}

struct Streams {
  int in;
  int out;
  int err;
};

static int time_command(struct Streams streams, char **command) {
  const long long start = now_ns();
  const pid_t pid = vfork();
  if (pid < 0) return fail("vfork");
  if (pid == 0) {
    // A container lives on with these: a pipe of the caller's here would keep the caller waiting.
    dup2(streams.in, STDIN_FILENO);
    dup2(streams.out, STDOUT_FILENO);
    dup2(streams.err, STDERR_FILENO);
    execv(command[0], command);
    _exit(126);
  }
  int status = 0;
  struct rusage usage;
  // The usage of a child includes the children that it has waited for.
  if (wait4(pid, &status, 0, &usage) != pid) return fail("wait4");
  const long long end = now_ns();
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  printf("%lld %ld %d\n", end - start, usage.ru_maxrss, code);
  return 0;
}

static int run(char **arguments) {
  const char *stderr_file = arguments[0];
  const char *procs_file = arguments[1];
  const char *hidden_directory = arguments[2];
  const int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
  const int stderr_fd = open(stderr_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (null_fd < 0 || stderr_fd < 0) return fail("open the standard streams");
  // Ours, before the clock starts: the command inherits it. We stay in it until we end.
  if (strcmp(procs_file, "-") != 0 && join_cgroup(procs_file) != 0) return fail("join the cgroup");
  if (strcmp(hidden_directory, "-") != 0 && hide(hidden_directory) != 0) return fail("hide");
  return time_command((struct Streams){null_fd, null_fd, stderr_fd}, arguments + 3);
}

static int answer(char **arguments) {
  const int in_fd = open(arguments[0], O_RDONLY | O_CLOEXEC);
  const int out_fd = open(arguments[1], O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
  if (in_fd < 0 || out_fd < 0) return fail("open the standard streams");
  return time_command((struct Streams){in_fd, out_fd, out_fd}, arguments + 2);
}

static int read_all(const char *path) {
  static char buffer[1 << 16];
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail(path);
  long long bytes = 0;
  ssize_t count = 0;
  while ((count = read(fd, buffer, sizeof(buffer))) > 0) bytes += count;
  if (count < 0) return fail("read");
  printf("%lld\n", bytes);
  return 0;
}

static int wait_for(pid_t pid, int timeout_ms) {
  const int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
  if (pidfd < 0) return errno == ESRCH ? 0 : fail("pidfd_open");
  struct pollfd ended = {.fd = pidfd, .events = POLLIN};
  const int count = poll(&ended, 1, timeout_ms);
  if (count < 0) return fail("poll");
  if (count == 0) errno = ETIMEDOUT;
  return count == 1 ? 0 : fail("wait for the container");
}

int main(int argc, char **argv) {
  if (argc > 5 && strcmp(argv[1], "run") == 0) return run(argv + 2);
  if (argc > 4 && strcmp(argv[1], "answer") == 0) return answer(argv + 2);
  if (argc == 3 && strcmp(argv[1], "read") == 0) return read_all(argv[2]);
  if (argc == 4 && strcmp(argv[1], "wait") == 0) return wait_for(atoi(argv[2]), atoi(argv[3]));
  fprintf(stderr,
          "usage: measure run STDERR PROCS|- HIDDEN|- COMMAND... | answer STDIN ANSWER COMMAND... | "
          "read FIFO | wait PID MS\n");
  return 2;
}
