// What happens to a process that touches a path: an errno by name, or what it found.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "json.h"
#include "probe.h"

const char* errno_name(int number) {
  const char* name = number == 0 ? "" : strerrorname_np(number);
  return name == NULL ? "unknown" : name;
}

static const char* type_name(mode_t mode) {
  if (S_ISREG(mode)) return "file";
  if (S_ISDIR(mode)) return "directory";
  if (S_ISCHR(mode)) return "character";
  if (S_ISBLK(mode)) return "block";
  if (S_ISFIFO(mode)) return "fifo";
  if (S_ISLNK(mode)) return "symlink";
  return "socket";
}

static int try_stat(const char* path) {
  struct stat status;
  if (lstat(path, &status) != 0) return errno;
  json_string("type", type_name(status.st_mode));
  json_number("mode", status.st_mode & 07777);
  json_number("uid", status.st_uid);
  json_number("gid", status.st_gid);
  json_number("size", status.st_size);
  json_number("device", (long long)status.st_dev);
  json_number("inode", (long long)status.st_ino);
  json_format("rdev", "%u:%u", major(status.st_rdev), minor(status.st_rdev));
  if (S_ISLNK(status.st_mode)) {
    char target[PATH_MAX];
    const ssize_t length = readlink(path, target, sizeof target);
    if (length > 0) json_bytes("target", target, (size_t)length);
  }
  return 0;
}

static int try_read(const char* path) {
  static char content[65536];
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return errno;
  const ssize_t length = read(fd, content, sizeof content);
  const int error = length < 0 ? errno : 0;
  close(fd);
  if (length >= 0) json_bytes("content", content, (size_t)length);
  return error;
}

static int try_open(const char* path) {
  const int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return errno;
  close(fd);
  return 0;
}

static int try_write(const char* path) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return errno;
  const int error = write(fd, "probe\n", 6) == 6 ? 0 : errno;
  close(fd);
  return error;
}

static int try_create(const char* path) {
  const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0) return errno;
  close(fd);
  return 0;
}

static int try_mkdir(const char* path) { return mkdir(path, 0777) == 0 ? 0 : errno; }

static int try_device(const char* path) {
  // The number of /dev/kmsg, which no list of default devices holds.
  return mknod(path, S_IFCHR | 0600, makedev(1, 11)) == 0 ? 0 : errno;
}

static int try_socket(const char* path) {
  // A name that nobody listens at, as a program that has gone leaves it.
  return mknod(path, S_IFSOCK | 0666, 0) == 0 ? 0 : errno;
}

static int try_mount(const char* path) {
  return mount("probe", path, "tmpfs", 0, NULL) == 0 ? 0 : errno;
}

static int try_bind(const char* path) {
  return mount(path, path, NULL, MS_BIND, NULL) == 0 ? 0 : errno;
}

static int try_chdir(const char* path) { return chdir(path) == 0 ? 0 : errno; }

static int try_exec(const char* path) {
  const pid_t child = fork();
  if (child < 0) return errno;
  if (child == 0) {
    execl(path, path, "--quiet", (char*)NULL);
    _exit(errno);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

// "NUMBER" or "NUMBER:ARGUMENT...": a system call as it is.
static int try_syscall(const char* text) {
  unsigned long words[7] = {0};
  char* rest = NULL;
  words[0] = strtoul(text, &rest, 0);
  for (int i = 1; i < 7 && *rest == ':'; i++) words[i] = strtoul(rest + 1, &rest, 0);
  const long result =
      syscall((long)words[0], words[1], words[2], words[3], words[4], words[5], words[6]);
  return result < 0 ? errno : 0;
}

// The same, without arguments, by the numbers of i386. A kernel without these ends the child.
static int try_syscall32(const char* text) {
#ifdef __x86_64__
  const pid_t child = fork();
  if (child == 0) {
    long result = strtol(text, NULL, 0);
    __asm__ volatile("int $0x80" : "+a"(result) : : "r8", "r9", "r10", "r11", "memory");
    _exit(result < 0 ? (int)-result : 0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
#else
  (void)text;
  return ENOTSUP;
#endif
}

static int try_list(const char* path) {
  DIR* directory = opendir(path);
  if (directory == NULL) return errno;
  json_begin_list("entries");
  for (const struct dirent* entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    json_string(NULL, entry->d_name);
  }
  json_end_list();
  closedir(directory);
  return 0;
}

static const struct {
  const char* operation;
  int (*attempt)(const char* path);
} operations[] = {
    {"stat", try_stat},       {"read", try_read},           {"open", try_open},
    {"write", try_write},     {"create", try_create},       {"mkdir", try_mkdir},
    {"mknod", try_device},    {"mount", try_mount},         {"bind", try_bind},
    {"chdir", try_chdir},     {"exec", try_exec},           {"list", try_list},
    {"syscall", try_syscall}, {"syscall32", try_syscall32}, {"socket", try_socket},
};

int try_path(const char* operation, const char* path) {
  for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
    if (strcmp(operation, operations[i].operation) != 0) continue;
    json_begin_object(NULL);
    json_string("operation", operation);
    json_string("path", path);
    json_string("error", errno_name(operations[i].attempt(path)));
    json_end_object();
    return 1;
  }
  return 0;
}
