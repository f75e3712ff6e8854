// What the process may use, and how it is scheduled.
#define _GNU_SOURCE
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "json.h"
#include "probe.h"

static const char* const limit_names[] = {
    "RLIMIT_CPU",      "RLIMIT_FSIZE", "RLIMIT_DATA",   "RLIMIT_STACK",
    "RLIMIT_CORE",     "RLIMIT_RSS",   "RLIMIT_NPROC",  "RLIMIT_NOFILE",
    "RLIMIT_MEMLOCK",  "RLIMIT_AS",    "RLIMIT_LOCKS",  "RLIMIT_SIGPENDING",
    "RLIMIT_MSGQUEUE", "RLIMIT_NICE",  "RLIMIT_RTPRIO", "RLIMIT_RTTIME",
};

// linux/sched/types.h clashes with glibc's sched.h.
struct SchedulingAttributes {
  uint32_t size, policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime, deadline, period;
};

static void see_limits(void) {
  json_begin_object("rlimits");
  for (int resource = 0; resource < 16; resource++) {
    struct rlimit limit;
    getrlimit((__rlimit_resource_t)resource, &limit);
    json_begin_list(limit_names[resource]);
    json_format(NULL, "%llu", (unsigned long long)limit.rlim_cur);
    json_format(NULL, "%llu", (unsigned long long)limit.rlim_max);
    json_end_list();
  }
  json_end_object();
}

static void see_scheduler(void) {
  struct SchedulingAttributes attributes = {.size = sizeof attributes};
  syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0);
  json_begin_object("scheduler");
  json_number("policy", attributes.policy);
  json_number("flags", (long long)attributes.flags);
  json_number("nice", attributes.nice);
  json_number("priority", attributes.priority);
  json_number("runtime", (long long)attributes.runtime);
  json_number("deadline", (long long)attributes.deadline);
  json_number("period", (long long)attributes.period);
  json_end_object();
}

static void see_io_priority(void) {
  const long value = syscall(SYS_ioprio_get, 1 /* IOPRIO_WHO_PROCESS */, 0);
  json_begin_object("ioPriority");
  json_number("class", value >> 13);
  json_number("priority", value & 7);
  json_end_object();
}

static void see_memory_policy(void) {
  int mode = -1;
  unsigned long nodes[16] = {0};
  const long failed = syscall(SYS_get_mempolicy, &mode, nodes, 1024ul, NULL, 0ul);
  json_begin_object("memoryPolicy");
  json_number("mode", failed ? -1 : mode);
  json_begin_list("nodes");
  for (int node = 0; node < 1024; node++) {
    if (nodes[node / 64] & (1ul << (node % 64))) json_number(NULL, node);
  }
  json_end_list();
  json_end_object();
}

static void see_affinity(void) {
  cpu_set_t set;
  CPU_ZERO(&set);
  sched_getaffinity(0, sizeof set, &set);
  json_begin_list("affinity");
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
    if (CPU_ISSET(cpu, &set)) json_number(NULL, cpu);
  }
  json_end_list();
}

void see_limits_and_scheduling(void) {
  char text[64];
  see_limits();
  see_scheduler();
  see_io_priority();
  see_memory_policy();
  see_affinity();
  json_number("personality", personality(0xffffffff));
  if (read_file("/proc/self/oom_score_adj", text, sizeof text) > 0) {
    int score = 0;
    sscanf(text, "%d", &score);
    json_number("oomScoreAdj", score);
  } else {
    json_null("oomScoreAdj");
  }
}
