// The last step: init becomes the program.
#include "init/execute.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init/home.h"
#include "sys/lookup.h"

namespace tsoci::init {
namespace {

/// The value of PATH, null when there is none or it is empty.
const char* path_variable(char* const* environment) {
  constexpr char kName[] = "PATH=";
  constexpr size_t kNameSize = sizeof(kName) - 1;
  for (; *environment != nullptr; ++environment) {
    if (std::strncmp(*environment, kName, kNameSize) != 0) continue;
    return (*environment)[kNameSize] != '\0' ? *environment + kNameSize : nullptr;
  }
  return nullptr;
}

/// Where execvp(3) would find `file` in the container's PATH, in the words that runc's callers look
/// for. Without a PATH nothing is searched: the working directory is not for us to add.
Result<const char*> search_path(const char* file, char* const* environment) {
  static char candidate[PATH_MAX];
  int refused = 0;
  const char* entry = path_variable(environment);
  while (entry != nullptr) {
    const char* colon = std::strchr(entry, ':');
    const int length = static_cast<int>(colon != nullptr ? colon - entry : std::strlen(entry));
    const int written = std::snprintf(candidate, sizeof(candidate), "%.*s%s%s", length, entry,
                                      length == 0 ? "./" : "/", file);
    struct stat status {};
    if (written < static_cast<int>(sizeof(candidate)) && stat(candidate, &status) == 0 &&
        S_ISREG(status.st_mode)) {
      if (faccessat(AT_FDCWD, candidate, X_OK, AT_EACCESS) == 0) return candidate;
      refused = errno;
    }
    entry = colon != nullptr ? colon + 1 : nullptr;
  }
  // A long name is cut, the words behind it are not: callers look for them.
  if (refused == 0) {
    return Error::refusal("exec: \"%.300s\": executable file not found in $PATH", file);
  }
  errno = refused;
  return Error::from_errno("", "exec: \"%s\"", file);
}

/// A name with a slash is a path, and is looked up only to say early and clearly why it will not
/// do.
Result<const char*> check_path(const char* file) {
  struct stat status {};
  if (stat(file, &status) < 0) {
    return Error::from_errno("", "exec: \"%.200s\": stat %.200s", file, file);
  }
  if (S_ISDIR(status.st_mode)) {
    errno = EISDIR;
    return Error::from_errno("", "exec: \"%s\"", file);
  }
  if (faccessat(AT_FDCWD, file, X_OK, AT_EACCESS) < 0) {
    return Error::from_errno("", "exec: \"%s\"", file);
  }
  return file;
}

}  // namespace

Result<char**> pointers_to(const wire::StringList& list, uint32_t extra) {
  const size_t bytes = (size_t{list.size()} + extra + 1) * sizeof(char*);
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return Error::from_errno("mmap", "%u strings", list.size());
  char** pointers = static_cast<char**>(memory);
  size_t next = 0;
  list.for_each([&](const char* text) { pointers[next++] = const_cast<char*>(text); });
  return pointers;
}

char* home_variable(uint32_t uid) {
  static char variable[sizeof("HOME=") + kMaxHomeBytes] = "HOME=";
  static char home[kMaxHomeBytes];
  read_home(uid, home);
  std::strcpy(variable + std::strlen("HOME="), home);
  return variable;
}

Result<void> carry_out(Context& context, const wire::CloseInheritedFilesStep& step) {
  // What only the steps before needed. Their low numbers are needed where RLIMIT_NOFILE is low.
  for (UniqueFd* held :
       {&context.rootfs, &context.procfs, &context.empty_directory, &context.null_device}) {
    held->reset();
  }
  // Nothing of ours or of the caller's may be left for the program: CVE-2024-21626. Marked, not
  // closed, so that the starter can still be told why an execve failed.
  if (syscall(SYS_close_range, 3 + step.preserve_fds, ~0U, CLOSE_RANGE_CLOEXEC) < 0) {
    return Error::from_errno("close_range");
  }
  return {};
}

Result<void> carry_out(Context& context, const wire::FindProgramStep& step) {
  context.program.arguments = TRY(pointers_to(step.args, 0));
  context.program.environment = TRY(pointers_to(step.env, 1));
  if (step.add_home != 0) {
    context.program.environment[step.env.size()] = home_variable(step.home_uid);
  }
  if (step.args.size() == 0) return Error::refusal("no program: the list of arguments is empty");
  const char* file = context.program.arguments[0];
  if (file[0] == '\0') return Error::refusal("exec: \"\": executable file not found in $PATH");
  context.program.path = std::strchr(file, '/') != nullptr
                             ? TRY(check_path(file))
                             : TRY(search_path(file, context.program.environment));
  return {};
}

/// Only the execve: the filter that may have been loaded just before has to allow nothing else.
Result<void> carry_out(Context& context, const wire::ExecuteStep&) {
  const auto& program = context.program;
  if (program.path == nullptr) return Error::refusal("no program was looked up");
  execve(program.path, program.arguments, program.environment);
  return Error::from_errno("", "exec %s", program.path);
}

}  // namespace tsoci::init
