// What is around the process: namespaces, mounts, open files, cgroups, terminals.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "json.h"
#include "probe.h"

ssize_t read_file(const char* path, char* buffer, size_t room) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  size_t used = 0;
  while (used < room - 1) {
    const ssize_t n = read(fd, buffer + used, room - 1 - used);
    if (n <= 0) break;
    used += (size_t)n;
  }
  close(fd);
  buffer[used] = 0;
  return (ssize_t)used;
}

void see_namespaces(void) {
  static const char* const kinds[] = {"mnt", "pid", "net", "ipc", "uts", "user", "cgroup", "time"};
  json_begin_object("namespaces");
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    char path[64], link[128];
    snprintf(path, sizeof path, "/proc/self/ns/%s", kinds[i]);
    const ssize_t length = readlink(path, link, sizeof link);
    if (length > 0) json_bytes(kinds[i], link, (size_t)length);
  }
  json_end_object();
}

// Fields are as proc_pid_mountinfo(5) orders them; the optional ones end at a single hyphen.
static void see_mount(char* line) {
  static const char* const before[] = {"id", "parentId", "device", "root", "target", "options"};
  static const char* const after[] = {"type", "source", "superOptions"};
  char* rest = line;
  json_begin_object(NULL);
  for (size_t i = 0; i < 6; i++) json_string(before[i], strsep(&rest, " "));
  json_begin_list("optional");
  for (char* word = strsep(&rest, " "); word != NULL && strcmp(word, "-") != 0;
       word = strsep(&rest, " ")) {
    json_string(NULL, word);
  }
  json_end_list();
  for (size_t i = 0; i < 3; i++) {
    const char* word = strsep(&rest, " ");
    json_string(after[i], word == NULL ? "" : word);
  }
  json_end_object();
}

void see_mounts(void) {
  static char table[1 << 20];
  char* rest = table;
  json_begin_list("mounts");
  if (read_file("/proc/self/mountinfo", table, sizeof table) > 0) {
    for (char* line = strsep(&rest, "\n"); line != NULL && *line != 0; line = strsep(&rest, "\n")) {
      see_mount(line);
    }
  }
  json_end_list();

  json_begin_list("cgroups");
  rest = table;
  if (read_file("/proc/self/cgroup", table, sizeof table) > 0) {
    for (char* line = strsep(&rest, "\n"); line != NULL && *line != 0; line = strsep(&rest, "\n")) {
      json_string(NULL, line);
    }
  }
  json_end_list();
}

void see_files(void) {
  json_begin_list("fds");
  for (int fd = 0; fd < 4096; fd++) {
    const int flags = fcntl(fd, F_GETFD);
    if (flags < 0) continue;
    char path[64], target[PATH_MAX];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    const ssize_t length = readlink(path, target, sizeof target);
    json_begin_object(NULL);
    json_number("fd", fd);
    json_bytes("target", target, length > 0 ? (size_t)length : 0);
    json_bool("closeOnExec", flags & FD_CLOEXEC);
    json_bool("nonBlocking", fcntl(fd, F_GETFL) & O_NONBLOCK);
    struct stat status;
    fstat(fd, &status);
    json_number("uid", status.st_uid);
    json_end_object();
  }
  json_end_list();
}

void see_terminals(void) {
  json_begin_list("terminals");
  for (int fd = 0; fd < 3; fd++) {
    char name[PATH_MAX] = "";
    struct winsize size = {0};
    struct termios modes = {0};
    const int is_terminal = tcgetattr(fd, &modes) == 0;
    if (is_terminal) {
      ioctl(fd, TIOCGWINSZ, &size);
      ttyname_r(fd, name, sizeof name);
    }
    json_begin_object(NULL);
    json_bool("isTerminal", is_terminal);
    json_string("path", name);
    json_number("rows", size.ws_row);
    json_number("columns", size.ws_col);
    json_bool("mapsNewlines", (modes.c_oflag & ONLCR) != 0);
    json_end_object();
  }
  json_end_list();
  const int controlling = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
  json_string("controllingTerminal", controlling >= 0 ? "" : errno_name(errno));
  if (controlling >= 0) close(controlling);
}
