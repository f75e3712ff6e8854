// `tsoci` as it stands in the path: records what the caller handed over, then becomes the driver.
//
// The driver runs on a JavaScript engine, and an engine raises RLIMIT_NOFILE, opens descriptors of
// its own and obeys environment variables that can run code. So this runs first: it writes down the
// limit and the open descriptors, and renames every variable `NAME` to `.NAME`, a name that no
// engine and no dynamic loader looks for. The driver undoes the renaming for itself and for hooks.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "launcher/page_cache.h"
#include "launcher/shim/start.h"

namespace {

constexpr char kDriverBelowPrefix[] = "/lib/tsoci";
/// More open descriptors than this are not listed; a caller that preserves so many names them by
/// number, and the driver's check of each then says which is missing.
constexpr size_t kFactsBytes = 16 * 1024;

[[noreturn]] void fail(const char* doing, const char* subject) {
  dprintf(STDERR_FILENO, "tsoci: %s \"%s\": %s\n", doing, subject, strerror(errno));
  _exit(1);
}

/// A closed standard stream would become the first file that the engine opens.
void occupy_standard_streams() {
  for (int fd = 0; fd <= STDERR_FILENO; ++fd) {
    if (fcntl(fd, F_GETFD) >= 0) continue;
    if (open("/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_WRONLY) != fd) _exit(1);
  }
}

/// The engine does not start in a directory that is gone, though few commands need one: those that
/// do are told by the driver. Answers what to tell it.
const char* leave_lost_directory() {
  char here[PATH_MAX];
  if (getcwd(here, sizeof(here)) != nullptr || errno != ENOENT) return "";
  if (chdir("/") < 0) fail("enter", "/");
  return "gone";
}

/// The directory two levels above this executable: dist/ in the tree, PREFIX when installed.
void find_prefix(char (&prefix)[PATH_MAX]) {
  const ssize_t length = readlink("/proc/self/exe", prefix, sizeof(prefix) - 1);
  if (length < 0) fail("find the executable by", "/proc/self/exe");
  prefix[length] = '\0';
  for (int level = 0; level < 2; ++level) {
    char* slash = strrchr(prefix, '/');
    if (slash != nullptr) *slash = '\0';
  }
}

size_t list_open_fds(char* text, size_t room) {
  size_t used = 0;
  DIR* directory = opendir("/proc/self/fd");
  if (directory == nullptr) return 0;
  while (const dirent* entry = readdir(directory)) {
    if (entry->d_name[0] == '.' || atoi(entry->d_name) == dirfd(directory)) continue;
    if (room - used < sizeof(entry->d_name)) break;
    used += static_cast<size_t>(
        snprintf(text + used, room - used, "%s%s", used == 0 ? "" : ",", entry->d_name));
  }
  closedir(directory);
  return used;
}

/// A command is over before a compiler of machine code would have paid for its threads.
char without_jit[] = "BUN_JSC_useJIT=0";

char** renamed_environment(char* const* environment, char* launch, char* invoked_as, char* served) {
  size_t count = 0;
  while (environment[count] != nullptr) ++count;
  char** renamed = static_cast<char**>(calloc(count + 5, sizeof(char*)));
  if (renamed == nullptr) fail("copy", "environment");
  size_t next = 0;
  renamed[next++] = launch;
  renamed[next++] = invoked_as;
  renamed[next++] = without_jit;
  if (served != nullptr) renamed[next++] = served;
  for (size_t index = 0; index < count; ++index) {
    const size_t length = strlen(environment[index]);
    char* variable = static_cast<char*>(malloc(length + 2));
    if (variable == nullptr) fail("copy", "environment");
    variable[0] = '.';
    memcpy(variable + 1, environment[index], length + 1);
    renamed[next++] = variable;
  }
  return renamed;
}

}  // namespace

int main(int argument_count, char** arguments) {
  occupy_standard_streams();
  namespace shim = tsoci::launcher::shim;
  static shim::Path served;
  if (argument_count > 0 && shim::is_called_as_shim(arguments[0])) {
    static shim::Call call;
    if (shim::read_call(argument_count, arguments, call)) {
      if (call.action == "start") shim::start(call, served);
      if (call.action == "delete") shim::finish_delete(call);
    }
  }

  static char prefix[PATH_MAX];
  static char driver[PATH_MAX + sizeof(kDriverBelowPrefix) + 16];
  find_prefix(prefix);
  snprintf(driver, sizeof(driver), "%s%s/driver", prefix, kDriverBelowPrefix);

  static char fds[kFactsBytes];
  list_open_fds(fds, sizeof(fds));
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  static char launch[kFactsBytes + 2 * PATH_MAX];
  snprintf(launch, sizeof(launch), "TSOCI_LAUNCH=v1;nofile=%llu;fds=%s;cwd=%s;lib=%s%s",
           static_cast<unsigned long long>(files.rlim_cur), fds, leave_lost_directory(), prefix,
           kDriverBelowPrefix);
  static char invoked_as[PATH_MAX + 16];
  snprintf(invoked_as, sizeof(invoked_as), "TSOCI_ARGV0=%s",
           argument_count > 0 ? arguments[0] : "tsoci");

  static char served_variable[PATH_MAX + 32];
  snprintf(served_variable, sizeof(served_variable), "TSOCI_SHIM=%s", served.c_str());

  // A mask that the caller left behind would keep a foreground container from being signalled.
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  // Whoever ignores SIGCHLD cannot wait for the processes that they start.
  signal(SIGCHLD, SIG_DFL);

  tsoci::launcher::read_in_huge_pages(driver);
  execve(driver, arguments,
         renamed_environment(environ, launch, invoked_as,
                             served.view().empty() ? nullptr : served_variable));
  fail("execute", driver);
}
