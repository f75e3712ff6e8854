#include "tests/harness.h"

#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "init/link.h"

namespace tsoci::tests {
namespace {

constexpr int kFailed = 1;
constexpr int kSkipped = 77;

Test*& first_test() {
  static Test* first = nullptr;
  return first;
}

[[noreturn]] void give_up(const char* call) {
  fail("harness", 0, std::string(call) + ": " + strerrordesc_np(errno));
}

/// In the test's own process: a mount namespace that nothing leaves, and an empty scratch
/// directory.
[[noreturn]] void run_here(const Test& test) {
  // A rename before the unshare would be the host's.
  if (unshare(CLONE_NEWNS | CLONE_NEWUTS) < 0) give_up("unshare");
  if (mount(nullptr, "/", nullptr, MS_PRIVATE | MS_REC, nullptr) < 0) give_up("mount");
  if (mount("tmpfs", kScratch, "tmpfs", 0, "mode=755") < 0) give_up("mount");
  // The caller's may be of another pid namespace.
  if (mount("proc", "/proc", "proc", 0, nullptr) < 0) give_up("mount");
  make_directory(kRootfs);
  make_directory(kOutside);
  umask(077);  // Whatever the caller's is, modes have to be right.
  test.body();
  _exit(0);
}

int run(const Test& test) {
  const pid_t pid = fork();
  if (pid < 0) return kFailed;
  if (pid == 0) run_here(test);
  int status = 0;
  if (waitpid(pid, &status, 0) < 0) return kFailed;
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : kFailed;
  const char* outcome = code == 0 ? "ok" : code == kSkipped ? "skip" : "FAILED";
  printf("%-6s %s\n", outcome, test.name);
  fflush(stdout);
  return code;
}

/// Bytes that a list points into for the rest of the process.
wire::Bytes keep(const std::vector<uint32_t>& words) {
  auto* copy = new std::vector<uint32_t>(words);
  return std::as_bytes(std::span<const uint32_t>(*copy));
}

}  // namespace

Test::Test(const char* test_name, void (*test_body)()) : name(test_name), body(test_body) {
  Test** last = &first_test();
  while (*last != nullptr) last = &(*last)->next;
  *last = this;
}

void fail(const char* file, int line, const std::string& message) {
  fprintf(stderr, "%s:%d: %s\n", file, line, message.c_str());
  _exit(kFailed);
}

void skip(const std::string& reason) {
  fprintf(stderr, "skipped: %s\n", reason.c_str());
  _exit(kSkipped);
}

std::string describe(const sys::Error& error) {
  std::string text = error.detail;
  if (error.number != 0) {
    text += std::string(": ") + error.call + ": " + strerrorname_np(error.number);
  }
  return text;
}

void expect_done(const char* file, int line, const Result<void>& result) {
  if (!result) fail(file, line, describe(result.error()));
}

void expect_refused(const char* file, int line, const Result<void>& result,
                    const std::string& words) {
  if (result) fail(file, line, "carried out, and must be refused");
  if (describe(result.error()).find(words) == std::string::npos) {
    fail(file, line,
         "refused with " + text_of(describe(result.error())) + ", and must say " + text_of(words));
  }
}

wire::StringList strings(std::initializer_list<const char*> texts) {
  std::vector<uint32_t> items;
  for (const char* text : texts) {
    const size_t size = strlen(text) + 1;
    items.push_back(static_cast<uint32_t>(size));
    const size_t at = items.size();
    items.resize(at + (size + 3) / 4);
    memcpy(&items[at], text, size);
  }
  std::vector<uint32_t> words{static_cast<uint32_t>(texts.size()),
                              static_cast<uint32_t>(items.size() * 4)};
  words.insert(words.end(), items.begin(), items.end());
  wire::Reader reader(keep(words));
  wire::StringList list;
  EXPECT(reader.read(list) && reader.at_end());
  return list;
}

wire::NumberList numbers(std::initializer_list<uint32_t> values) {
  std::vector<uint32_t> words{static_cast<uint32_t>(values.size() * 4)};
  words.insert(words.end(), values);
  wire::Reader reader(keep(words));
  wire::NumberList list;
  EXPECT(reader.read(list) && reader.at_end());
  return list;
}

Context attached_rootfs() {
  Context context;
  EXPECT_DONE(carry_out(
      context, wire::AttachRootfsStep{.path = kRootfs, .recursive = 1, .own_namespace = 1}));
  return context;
}

MountInfo mount_at(const std::string& path) {
  std::ifstream file("/proc/self/mountinfo");
  MountInfo found;
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    std::string skipped;
    std::string place;
    std::string options;
    fields >> skipped >> skipped >> skipped >> skipped >> place >> options;
    if (place != path) continue;
    ++found.count;
    found.there = true;
    found.options = "," + options + ",";
    found.tags.clear();
    for (std::string tag; fields >> tag && tag != "-";) found.tags += tag + " ";
    fields >> found.type >> skipped >> found.super_options;
    found.super_options = "," + found.super_options + ",";
  }
  return found;
}

uint64_t count_mounts() {
  std::ifstream file("/proc/self/mountinfo");
  uint64_t count = 0;
  for (std::string line; std::getline(file, line);) ++count;
  return count;
}

struct statx look(const std::string& path) {
  struct statx found {};
  if (::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_MNT_ID,
              &found) < 0) {
    give_up(("statx " + path).c_str());
  }
  return found;
}

bool exists(const std::string& path) {
  return faccessat(AT_FDCWD, path.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

void make_directory(const std::string& path, mode_t mode) {
  if (mkdir(path.c_str(), 0755) < 0 || chmod(path.c_str(), mode) < 0) {
    give_up(("mkdir " + path).c_str());
  }
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::trunc);
  file << text;
  file.close();
  if (!file) give_up(("write " + path).c_str());
}

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

void make_link(const std::string& path, const std::string& target) {
  if (symlink(target.c_str(), path.c_str()) < 0) give_up(("symlink " + path).c_str());
}

std::string list(const std::string& path) {
  DIR* directory = opendir(path.c_str());
  if (directory == nullptr) give_up(("opendir " + path).c_str());
  std::vector<std::string> names;
  while (const dirent* entry = readdir(directory)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  closedir(directory);
  std::sort(names.begin(), names.end());
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : " ") + name;
  return text;
}

namespace {

void map_ids(pid_t pid, uint32_t first_host_id) {
  const std::string proc = "/proc/" + std::to_string(pid);
  const std::string map = "0 " + std::to_string(first_host_id) + " 1000\n";
  write_file(proc + "/uid_map", map);
  write_file(proc + "/gid_map", map);
}

/// Waits until the other end of a pipe says something, or is gone.
void wait_for(int pipe) {
  char byte = 0;
  if (read(pipe, &byte, 1) != 1) give_up("read");
}

void say_so(int pipe) {
  if (write(pipe, "", 1) != 1) give_up("write");
}

}  // namespace

UniqueFd make_userns(uint32_t first_host_id) {
  int ready[2];
  if (pipe2(ready, O_CLOEXEC) < 0) give_up("pipe2");
  const pid_t pid = fork();
  if (pid == 0) {
    if (unshare(CLONE_NEWUSER) < 0) give_up("unshare");
    say_so(ready[1]);
    pause();
    _exit(0);
  }
  wait_for(ready[0]);
  map_ids(pid, first_host_id);
  const std::string path = "/proc/" + std::to_string(pid) + "/ns/user";
  UniqueFd userns(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!userns.is_open()) give_up("open user namespace");
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  return userns;
}

void in_user_namespace(void (*body)()) {
  int ready[2];
  int mapped[2];
  if (pipe2(ready, O_CLOEXEC) < 0 || pipe2(mapped, O_CLOEXEC) < 0) give_up("pipe2");
  const pid_t pid = fork();
  if (pid == 0) {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) give_up("unshare");
    say_so(ready[1]);
    wait_for(mapped[0]);
    body();
    _exit(0);
  }
  wait_for(ready[0]);
  map_ids(pid, 0);
  say_so(mapped[1]);
  int status = 0;
  waitpid(pid, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) _exit(kFailed);
}

void leave_peers_behind() {
  const pid_t test = getpid();
  if (fork() == 0) {
    // The end of the test ends this too.
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != test) _exit(kFailed);
    for (;;) pause();
  }
  if (unshare(CLONE_NEWNS) < 0) give_up("unshare");
}

Driver& driver() {
  static Driver instance;
  return instance;
}

}  // namespace tsoci::tests

namespace tsoci::init {

// The driver's side, as far as these steps talk to it.
void warn(Context&, const Error& error) {
  tests::driver().warnings.push_back(tests::describe(error));
}

Result<void> send_packet(int, const wire::Writer&, int) { return {}; }

void fail(Context&, const Error& error) { tests::fail(__FILE__, __LINE__, tests::describe(error)); }

Result<UniqueFd> ask_driver(Context&, wire::Request request, int fd) {
  tests::Driver& driver = tests::driver();
  switch (request) {
    case wire::Request::kTakeConsole:
      driver.console.reset(fcntl(fd, F_DUPFD_CLOEXEC, 3));
      return UniqueFd();
    case wire::Request::kOpenMountSource:
      if (driver.mount_source.empty()) return UniqueFd();
      return sys::clone_tree(AT_FDCWD, driver.mount_source.c_str(), 0);
    case wire::Request::kConnectListener:
      driver.agent_connected = true;
      return UniqueFd();
    case wire::Request::kSendListener:
      if (!driver.agent_connected) return Error::refusal("a listener before an agent");
      driver.listener.reset(fcntl(fd, F_DUPFD_CLOEXEC, 3));
      return UniqueFd();
    default:
      return Error::refusal("an unexpected request");
  }
}

}  // namespace tsoci::init

int main(int argument_count, char** arguments) {
  using namespace tsoci::tests;
  if (geteuid() != 0) {
    printf("skip: these tests mount, and need root\n");
    return kSkipped;
  }
  int failed = 0;
  for (const Test* test = first_test(); test != nullptr; test = test->next) {
    if (argument_count > 1 && strstr(test->name, arguments[1]) == nullptr) continue;
    const int code = run(*test);
    if (code != 0 && code != kSkipped) ++failed;
  }
  printf("%d failed\n", failed);
  return failed == 0 ? 0 : kFailed;
}
