// The program that the tests run inside containers and as hooks: prints what it sees as one JSON
// object.
//
//   probe [--out FILE] [--stdin] [--OPERATION PATH]... [--append FILE TEXT] [--fork] [--wait]
//   [--exit N]
//
// --out FILE          writes the report there instead of on standard output
// --stdin             takes the whole of standard input into the report
// --OPERATION PATH    tries something on a path (tries.c), in the given order
// --append FILE TEXT  adds a line to a file when its turn comes
// --notify TEXT       sends a message to the socket of $NOTIFY_SOCKET, as sd_notify(3) does
// --swap A B          swaps two names for each other
// --exchange A B      does so for ever, as an attacker's container would
// --spy PATH FILE     looks for PATH by way of other processes for ever (spy.c)
// --fork              leaves a child behind that ignores SIGTERM and sleeps
// --wait              prints the report, then waits for a signal; exits with 128 + its number
// --spin              as --wait, but without the means to notice any signal that can be ignored
// --exit N            exits with N
// --quiet             prints no report
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "json.h"
#include "probe.h"

static void complain(const char* words) {
  dprintf(2, "probe: %s\n", words);
  exit(121);
}

static void take_stdin(void) {
  static char text[1 << 16];
  size_t used = 0;
  ssize_t n;
  while (used < sizeof text && (n = read(0, text + used, sizeof text - used)) > 0) {
    used += (size_t)n;
  }
  json_bytes("stdin", text, used);
}

static void append_line(const char* path, const char* text) {
  const int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (fd < 0 || dprintf(fd, "%s\n", text) < 0) complain(path);
  close(fd);
}

static void notify(const char* text) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const char* path = getenv("NOTIFY_SOCKET");
  if (path == NULL) complain("no NOTIFY_SOCKET");
  snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (sendto(fd, text, strlen(text), 0, (struct sockaddr*)&address, sizeof address) < 0) {
    complain("sendto");
  }
  close(fd);
}

static void swap(const char* one, const char* other) {
  if (renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE) != 0) complain("renameat2");
}

static void leave_child(void) {
  if (fork() != 0) return;
  signal(SIGTERM, SIG_IGN);
  for (;;) pause();
}

struct Wishes {
  const char* out;
  int takes_stdin, waits, spins, quiet, exit_status;
};

// Everything that is not a try. Returns how many arguments it used, 0 when it does not know the
// option.
static int read_option(struct Wishes* wishes, char** arguments, int left) {
  const struct {
    const char* name;
    int* flag;
  } flags[] = {{"--stdin", &wishes->takes_stdin},
               {"--wait", &wishes->waits},
               {"--spin", &wishes->spins},
               {"--quiet", &wishes->quiet}};
  for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
    if (strcmp(arguments[0], flags[i].name) != 0) continue;
    *flags[i].flag = 1;
    return 1;
  }
  if (strcmp(arguments[0], "--out") == 0 && left > 1) {
    wishes->out = arguments[1];
    return 2;
  }
  if (strcmp(arguments[0], "--exit") == 0 && left > 1) {
    wishes->exit_status = atoi(arguments[1]);
    return 2;
  }
  return 0;
}

static int do_action(char** arguments, int left) {
  if (strcmp(arguments[0], "--fork") == 0) {
    leave_child();
    return 1;
  }
  if (strcmp(arguments[0], "--notify") == 0 && left > 1) {
    notify(arguments[1]);
    return 2;
  }
  if (strcmp(arguments[0], "--swap") == 0 && left > 2) {
    swap(arguments[1], arguments[2]);
    return 3;
  }
  if (strcmp(arguments[0], "--exchange") == 0 && left > 2) {
    for (;;) swap(arguments[1], arguments[2]);
  }
  if (strcmp(arguments[0], "--spy") == 0 && left > 2) spy_for_ever(arguments[1], arguments[2]);
  if (strcmp(arguments[0], "--append") == 0 && left > 2) {
    append_line(arguments[1], arguments[2]);
    return 3;
  }
  if (left > 1 && strncmp(arguments[0], "--", 2) == 0 && try_path(arguments[0] + 2, arguments[1])) {
    return 2;
  }
  return 0;
}

static void report(int argument_count, char** arguments, const struct Wishes* wishes) {
  json_begin_object(NULL);
  see_files();
  see_process(argument_count, arguments);
  see_limits_and_scheduling();
  see_namespaces();
  see_mounts();
  see_network();
  see_terminals();
  if (wishes->takes_stdin) take_stdin();
  json_begin_list("tries");
  for (int i = 1; i < argument_count;) {
    struct Wishes ignored = {0};
    int used = read_option(&ignored, arguments + i, argument_count - i);
    if (used == 0) used = do_action(arguments + i, argument_count - i);
    if (used == 0) complain(arguments[i]);
    i += used;
  }
  json_end_list();
  json_end_object();
}

int main(int argument_count, char** arguments) {
  note_inherited();
  struct Wishes wishes = {0};
  for (int i = 1; i < argument_count; i++) {
    const int used = read_option(&wishes, arguments + i, argument_count - i);
    if (used > 1) i += used - 1;
  }
  // Blocked before the report is out: whoever has read it may signal at once.
  sigset_t all;
  sigfillset(&all);
  report(argument_count, arguments, &wishes);
  if (wishes.waits) sigprocmask(SIG_BLOCK, &all, NULL);

  if (!wishes.quiet) {
    const int fd =
        wishes.out == NULL ? 1 : open(wishes.out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) complain(wishes.out);
    json_flush(fd);
    if (wishes.out != NULL) close(fd);
  }
  if (wishes.spins) {
    for (;;) pause();
  }
  if (!wishes.waits) return wishes.exit_status;
  for (;;) {
    int signal = 0;
    sigwait(&all, &signal);
    if (signal == SIGWINCH || signal == SIGCHLD) continue;
    dprintf(1, "{\"signal\":%d}\n", signal);
    return 128 + signal;
  }
}
