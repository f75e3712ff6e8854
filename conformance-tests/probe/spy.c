// What a hostile container does while a further process is on its way into it.
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "probe.h"

enum { kMostFindings = 256, kFindingBytes = 256, kDescriptors = 64, kPrograms = 8 };

static void note(int fd, const char* finding) {
  static char known[kMostFindings][kFindingBytes];
  static int count;
  for (int i = 0; i < count; i++) {
    if (strncmp(known[i], finding, kFindingBytes - 1) == 0) return;
  }
  if (count == kMostFindings) return;
  snprintf(known[count++], kFindingBytes, "%s", finding);
  dprintf(fd, "%s\n", finding);
}

static void look_for_path(int out, int pid, const char* door, const char* path) {
  char place[PATH_MAX];
  snprintf(place, sizeof place, "/proc/%d/%s%s", pid, door, path);
  const int found = open(place, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (found < 0) return;
  note(out, "host");
  close(found);
}

static void look_at_descriptors(int out, int pid, const char* path) {
  for (int fd = 0; fd < kDescriptors; fd++) {
    char link[64], finding[kFindingBytes] = "fd ";
    snprintf(link, sizeof link, "/proc/%d/fd/%d", pid, fd);
    const ssize_t length = readlink(link, finding + 3, sizeof finding - 4);
    if (length < 0) continue;
    finding[3 + length] = 0;
    // Each has a socket of its own.
    if (strncmp(finding + 3, "socket:", 7) == 0) finding[9] = 0;
    note(out, finding);
    snprintf(link, sizeof link, "fd/%d", fd);
    look_for_path(out, pid, link, path);
  }
}

// Holds on to the programs of others, and writes to one as soon as nobody runs it: a byte that is
// the same as before, so that no harm is done where it works.
static void look_at_program(int out, int pid) {
  static int held[kPrograms];
  static int next;
  static struct stat own;
  struct stat found;
  char link[64], byte;
  if (own.st_ino == 0) stat("/proc/self/exe", &own);
  snprintf(link, sizeof link, "/proc/%d/exe", pid);
  const int program = open(link, O_RDONLY | O_CLOEXEC);
  if (program >= 0 && fstat(program, &found) == 0 && found.st_ino != own.st_ino) {
    if (held[next] > 0) close(held[next]);
    held[next] = program;
    next = (next + 1) % kPrograms;
  } else if (program >= 0) {
    close(program);
  }
  for (int i = 0; i < kPrograms; i++) {
    snprintf(link, sizeof link, "/proc/self/fd/%d", held[i]);
    const int writable = held[i] > 0 ? open(link, O_RDWR | O_CLOEXEC) : -1;
    if (writable < 0) continue;
    if (pread(writable, &byte, 1, 0) == 1 && pwrite(writable, &byte, 1, 0) == 1) note(out, "write");
    close(writable);
  }
}

static void look_into(int out, int pid, const char* path) {
  char name[64], text[64];
  snprintf(name, sizeof name, "/proc/%d/comm", pid);
  if (read_file(name, text, sizeof text) > 0 && strcasestr(text, "init") != NULL) {
    note(out, "init");
  }
  look_for_path(out, pid, "root", path);
  look_for_path(out, pid, "cwd", path);
  look_at_descriptors(out, pid, path);
  look_at_program(out, pid);
}

void spy_for_ever(const char* path, const char* file) {
  const int out = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  DIR* processes = opendir("/proc");
  if (out < 0 || processes == NULL) exit(121);
  dprintf(out, "looking\n");
  for (;;) {
    rewinddir(processes);
    for (const struct dirent* entry; (entry = readdir(processes)) != NULL;) {
      const int pid = atoi(entry->d_name);
      if (pid > 1) look_into(out, pid, path);
    }
  }
}
