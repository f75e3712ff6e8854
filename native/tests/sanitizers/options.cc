// What the sanitizers in init and in the launcher are told. Init has no environment, and its
// reports have to leave a container: those of memory go to a file that is opened before anything
// else happens, those of undefined behaviour to standard error. Both end it, and whoever waits for
// it fails.
#include <fcntl.h>
#include <sanitizer/common_interface_defs.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

/// Above what any test preserves for a container's program.
constexpr int kReportFd = 900;

[[gnu::constructor]] void send_reports_to_file() {
  const int fd = open(TSOCI_REPORTS, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0) return;
  // In a user namespace init may be anybody.
  (void)fchmod(fd, 0666);
  const int above = fcntl(fd, F_DUPFD_CLOEXEC, kReportFd);
  close(fd);
  if (above >= 0) __sanitizer_set_report_fd(reinterpret_cast<void*>(static_cast<intptr_t>(above)));
}

}  // namespace

// What init has it keeps until it ends, and to look for leaks it would have to be traced.
extern "C" const char* __asan_default_options() {
  return "detect_leaks=0:abort_on_error=1:detect_stack_use_after_return=1";
}
extern "C" const char* __ubsan_default_options() { return "print_stacktrace=1:abort_on_error=1"; }
