// Starts a program in a state that its caller could be in, and that node cannot put a child into.
//
//   launch [--block SIGNAL] [--ignore SIGNAL] [--close FD] [--open FD PATH] [--limit SOFT HARD]
//          [--umask OCTAL] [--affinity CPU] [--score N] -- PROGRAM [ARGUMENT]...
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static void fail(const char* words) {
  perror(words);
  exit(121);
}

static void block_signal(char** values) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, atoi(values[0]));
  if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) fail("sigprocmask");
}

static void ignore_signal(char** values) {
  if (signal(atoi(values[0]), SIG_IGN) == SIG_ERR) fail("signal");
}

static void close_file(char** values) { close(atoi(values[0])); }

static void open_file(char** values) {
  const int fd = open(values[1], O_RDONLY);
  if (fd < 0) fail(values[1]);
  const int wanted = atoi(values[0]);
  if (fd == wanted) return;
  if (dup2(fd, wanted) < 0) fail("dup2");
  close(fd);
}

static void limit_files(char** values) {
  const struct rlimit limit = {strtoul(values[0], NULL, 10), strtoul(values[1], NULL, 10)};
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) fail("setrlimit");
}

static void set_umask(char** values) { umask((mode_t)strtoul(values[0], NULL, 8)); }

static void set_affinity(char** values) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET((size_t)atoi(values[0]), &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) fail("sched_setaffinity");
}

static void set_score(char** values) {
  const int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (fd < 0 || dprintf(fd, "%s", values[0]) < 0) fail("oom_score_adj");
  close(fd);
}

static const struct {
  const char* name;
  int values;
  void (*apply)(char** values);
} options[] = {
    {"--block", 1, block_signal},    {"--ignore", 1, ignore_signal}, {"--close", 1, close_file},
    {"--open", 2, open_file},        {"--limit", 2, limit_files},    {"--umask", 1, set_umask},
    {"--affinity", 1, set_affinity}, {"--score", 1, set_score},
};

static int apply_option(char** arguments) {
  for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
    if (strcmp(arguments[0], options[i].name) != 0) continue;
    options[i].apply(arguments + 1);
    return 1 + options[i].values;
  }
  fprintf(stderr, "launch: %s\n", arguments[0]);
  exit(121);
}

int main(int argument_count, char** arguments) {
  int next = 1;
  while (next < argument_count && strcmp(arguments[next], "--") != 0) {
    next += apply_option(arguments + next);
  }
  if (next + 1 >= argument_count) fail("launch: no program");
  execvp(arguments[next + 1], arguments + next + 1);
  fail(arguments[next + 1]);
}
