// Who the process is: ids, capabilities, signals, names.
#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "json.h"
#include "probe.h"

extern char** environ;

static uint64_t blocked_signals, ignored_signals;

// The raw calls, because glibc hides the two signals that it uses itself.
void note_inherited(void) {
  syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &blocked_signals, sizeof blocked_signals);
  for (int signal = 1; signal <= 64; signal++) {
    struct {
      void* handler;
      unsigned long flags;
      void* restorer;
      uint64_t mask;
    } action = {0};
    syscall(SYS_rt_sigaction, signal, NULL, &action, sizeof action.mask);
    if (action.handler == (void*)SIG_IGN) ignored_signals |= 1ull << (signal - 1);
  }
}

static void list_signals(const char* name, uint64_t set) {
  json_begin_list(name);
  for (int signal = 1; signal <= 64; signal++) {
    if (set & (1ull << (signal - 1))) json_number(NULL, signal);
  }
  json_end_list();
}

static void list_ids(const char* name, long real, long effective, long saved, long file_system) {
  json_begin_list(name);
  json_number(NULL, real);
  json_number(NULL, effective);
  json_number(NULL, saved);
  json_number(NULL, file_system);
  json_end_list();
}

static void see_user(void) {
  uid_t uid[3];
  gid_t gid[3];
  getresuid(&uid[0], &uid[1], &uid[2]);
  getresgid(&gid[0], &gid[1], &gid[2]);
  // An id that is not valid is refused, and the call still answers with the present one.
  list_ids("uids", uid[0], uid[1], uid[2], (uid_t)setfsuid((uid_t)-1));
  list_ids("gids", gid[0], gid[1], gid[2], (gid_t)setfsgid((gid_t)-1));

  static gid_t groups[65536];
  const int count = getgroups(65536, groups);
  json_begin_list("groups");
  for (int i = 0; i < count; i++) json_number(NULL, groups[i]);
  json_end_list();
}

static void see_capabilities(void) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2] = {{0}, {0}};
  syscall(SYS_capget, &header, data);
  uint64_t bounding = 0, ambient = 0;
  for (int capability = 0; capability < 64; capability++) {
    if (prctl(PR_CAPBSET_READ, capability) == 1) bounding |= 1ull << capability;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, capability, 0, 0) == 1) {
      ambient |= 1ull << capability;
    }
  }
  const struct {
    const char* name;
    uint64_t set;
  } sets[] = {
      {"bounding", bounding},
      {"effective", data[0].effective | (uint64_t)data[1].effective << 32},
      {"permitted", data[0].permitted | (uint64_t)data[1].permitted << 32},
      {"inheritable", data[0].inheritable | (uint64_t)data[1].inheritable << 32},
      {"ambient", ambient},
  };
  json_begin_object("capabilities");
  for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
    json_format(sets[i].name, "%llx", (unsigned long long)sets[i].set);
  }
  json_end_object();
}

static void see_clocks(void) {
  struct timespec monotonic, boottime;
  clock_gettime(CLOCK_MONOTONIC, &monotonic);
  clock_gettime(CLOCK_BOOTTIME, &boottime);
  json_begin_object("clocks");
  json_number("monotonic", monotonic.tv_sec);
  json_number("boottime", boottime.tv_sec);
  json_end_object();
}

static void see_keyring(void) {
  char description[512] = "";
  const long id = syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0);
  syscall(SYS_keyctl, KEYCTL_DESCRIBE, KEY_SPEC_SESSION_KEYRING, description,
          sizeof description - 1);
  json_begin_object("keyring");
  json_number("id", id);
  json_string("description", description);
  json_end_object();
}

static void list_words(const char* name, char** words) {
  json_begin_list(name);
  for (; *words != NULL; words++) json_string(NULL, *words);
  json_end_list();
}

void see_process(int argument_count, char** arguments) {
  (void)argument_count;
  struct utsname names = {0};
  uname(&names);
  char directory[4096];
  const mode_t mask = umask(0);
  umask(mask);

  json_number("pid", getpid());
  json_number("parentPid", getppid());
  json_number("processGroup", getpgid(0));
  json_number("session", getsid(0));
  see_user();
  json_number("umask", mask);
  json_string("cwd", getcwd(directory, sizeof directory) == NULL ? "" : directory);
  list_words("args", arguments);
  list_words("env", environ);
  json_string("hostname", names.nodename);
  json_string("domainname", names.domainname);
  json_string("machine", names.machine);
  see_capabilities();
  json_bool("noNewPrivileges", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
  json_number("seccomp", prctl(PR_GET_SECCOMP, 0, 0, 0, 0));
  json_bool("dumpable", prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
  int death_signal = 0;
  prctl(PR_GET_PDEATHSIG, &death_signal, 0, 0, 0);
  json_number("parentDeathSignal", death_signal);
  list_signals("blockedSignals", blocked_signals);
  list_signals("ignoredSignals", ignored_signals);
  see_clocks();
  see_keyring();
}
