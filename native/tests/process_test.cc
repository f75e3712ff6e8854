// The program that init becomes: where it is looked for, whose it is, what it inherits.
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/harness.h"

namespace tsoci::tests {
namespace {

std::string in_root(const std::string& path) { return kRootfs + path; }

void make_program(const std::string& path, mode_t mode = 0755) {
  write_file(path, "#!/bin/sh\n");
  EXPECT(chmod(path.c_str(), mode) == 0);
}

/// A process whose root is `kRootfs`, as findProgram finds it.
Context inside() {
  Context context = attached_rootfs();
  EXPECT_DONE(carry_out(context, wire::ChangeRootStep{}));
  return context;
}

wire::FindProgramStep program(const char* name, const char* path_variable = "PATH=/bin") {
  return {.args = strings({name}), .env = strings({path_variable})};
}

TEST(find_in_path, "a name without a slash is found in the first directory of PATH that has it") {
  make_directory(in_root("/a"));
  make_directory(in_root("/a/x"));
  make_directory(in_root("/b"));
  make_program(in_root("/b/x"));
  make_directory(in_root("/c"));
  make_program(in_root("/c/x"));
  Context context = inside();
  EXPECT_DONE(carry_out(context, program("x", "PATH=/missing:/a:/b:/c")));
  EXPECT_EQUAL(std::string(context.program.path), "/b/x");
  EXPECT_EQUAL(std::string(context.program.arguments[0]), "x");
  EXPECT_EQUAL(std::string(context.program.environment[0]), "PATH=/missing:/a:/b:/c");
  EXPECT(context.program.arguments[1] == nullptr && context.program.environment[1] == nullptr);
}

TEST(find_nothing, "a program that is nowhere is reported in runc's words") {
  Context context = inside();
  const char* words = "exec: \"x\": executable file not found in $PATH";
  EXPECT_REFUSED(carry_out(context, program("x")), words);
  EXPECT_REFUSED(carry_out(context, program("x", "PATH=")), words);
  EXPECT_REFUSED(carry_out(context, program("x", "HOME=/")), words);
  EXPECT_REFUSED(carry_out(context, program("")), "exec: \"\": executable file not found in $PATH");
  const std::string long_name(3000, 'n');
  EXPECT_REFUSED(carry_out(context, program(long_name.c_str())),
                 "executable file not found in $PATH");
  EXPECT(context.program.path == nullptr);
}

TEST(find_here, "only an empty directory in PATH stands for the working directory") {
  make_program(in_root("/x"));
  Context context = inside();
  EXPECT_REFUSED(carry_out(context, program("x", "PATH=/bin")), "not found in $PATH");
  EXPECT_REFUSED(carry_out(context, program("x", "HOME=/")), "not found in $PATH");
  EXPECT_REFUSED(carry_out(context, program("x", "PATH=")), "not found in $PATH");
  EXPECT_DONE(carry_out(context, program("x", "PATH=/bin:")));
  EXPECT_EQUAL(std::string(context.program.path), "./x");
}

TEST(find_refused, "a file that may not be executed is passed over, and is the reason at the end") {
  make_directory(in_root("/a"));
  make_program(in_root("/a/x"), 0644);
  make_directory(in_root("/b"));
  Context context = inside();
  EXPECT_REFUSED(carry_out(context, program("x", "PATH=/a:/b")), "exec: \"x\": : EACCES");
  make_program("/b/x");
  EXPECT_DONE(carry_out(context, program("x", "PATH=/a:/b")));
  EXPECT_EQUAL(std::string(context.program.path), "/b/x");
}

TEST(find_path, "a name with a slash is taken as it is, and refused for what it is") {
  make_directory(in_root("/d"));
  make_program(in_root("/d/x"));
  make_program(in_root("/d/plain"), 0600);
  Context context = inside();
  EXPECT_REFUSED(carry_out(context, program("/x")), "exec: \"/x\": stat /x: : ENOENT");
  EXPECT_REFUSED(carry_out(context, program("/d")), "exec: \"/d\": : EISDIR");
  EXPECT_REFUSED(carry_out(context, program("/d/plain")), "exec: \"/d/plain\": : EACCES");
  EXPECT_REFUSED(carry_out(context, program("/d/x/y")), "stat /d/x/y: : ENOTDIR");
  EXPECT_DONE(carry_out(context, program("./d/x")));
  EXPECT_EQUAL(std::string(context.program.path), "./d/x");
}

TEST(find_without_arguments, "a plan without arguments or without a lookup is refused") {
  Context context = inside();
  EXPECT_REFUSED(carry_out(context, wire::FindProgramStep{.args = strings({})}), "no program");
  EXPECT_REFUSED(carry_out(context, wire::ExecuteStep{}), "no program was looked up");
}

/// HOME as findProgram sets it for `uid`. The working directory is a directory with a program.
std::string home_of(Context& context, uint32_t uid) {
  wire::FindProgramStep step = program("./x");
  step.home_uid = uid;
  step.add_home = 1;
  EXPECT_DONE(carry_out(context, step));
  EXPECT(context.program.environment[2] == nullptr);
  return context.program.environment[1];
}

TEST(home, "HOME comes from the first line of /etc/passwd with that uid") {
  make_program(in_root("/x"));
  make_directory(in_root("/etc"));
  write_file(in_root("/etc/passwd"),
             "#7:x:7:7::/comment:\n"
             "\n"
             "::::::\n"
             "short:x:7\n"
             "word:x:seven:7::/word:/bin/sh\n"
             "7:x:8:7:by name:/by-name:/bin/sh\n"
             "sign:x:+7:7::/sign:\n"
             "wraps:x:4294967303:7::/wraps:\n"
             "long:x:18446744073709551623:7::/long:\n"
             "right:x:7:7:Right User:/home/right:/bin/sh\n"
             "second:x:7:7::/home/second:/bin/sh\n"
             "noshell:x:9:9::/home/noshell\n"
             "none:x:10:10:::/bin/sh\n"
             "last:x:4294967294:1::/home/last:/bin/sh");
  Context context = inside();
  EXPECT_EQUAL(home_of(context, 7), "HOME=/home/right");
  EXPECT_EQUAL(home_of(context, 9), "HOME=/home/noshell");
  EXPECT_EQUAL(home_of(context, 10), "HOME=/");
  EXPECT_EQUAL(home_of(context, 4294967294u), "HOME=/home/last");
  EXPECT_EQUAL(home_of(context, 11), "HOME=/");
}

TEST(home_hostile, "whatever /etc/passwd is, HOME is found or / (S41)") {
  make_program(in_root("/x"));
  make_directory(in_root("/etc"));
  const std::string line = "u:x:7:7::/home/u:/bin/sh\n";
  Context context = inside();
  EXPECT_EQUAL(home_of(context, 7), "HOME=/");
  EXPECT(mkfifo("/etc/passwd", 0644) == 0);
  // It is not even opened: that of a device may do something.
  const UniqueFd watch(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  EXPECT(inotify_add_watch(watch.get(), "/etc/passwd", IN_OPEN) >= 0);
  EXPECT_EQUAL(home_of(context, 7), "HOME=/");
  char event[sizeof(inotify_event) + NAME_MAX + 1];
  EXPECT(read(watch.get(), event, sizeof(event)) < 0 && errno == EAGAIN);
  EXPECT(unlink("/etc/passwd") == 0);
  make_directory("/etc/passwd");
  EXPECT_EQUAL(home_of(context, 7), "HOME=/");
  EXPECT(rmdir("/etc/passwd") == 0);
  write_file("/etc/passwd", "");
  EXPECT_EQUAL(home_of(context, 7), "HOME=/");
  write_file("/etc/passwd", line + std::string(1 << 20, '#'));
  EXPECT_EQUAL(home_of(context, 7), "HOME=/");
  write_file("/etc/passwd", std::string(1000000, ':') + "\n" + line);
  EXPECT_EQUAL(home_of(context, 7), "HOME=/home/u");
  write_file("/etc/passwd", "u:x:7:7::/" + std::string(PATH_MAX, 'd') + ":\n");
  EXPECT_EQUAL(home_of(context, 7), "HOME=/");
  write_file("/etc/passwd", std::string("u:x:7:7::/a\0b:\n", 15));
  EXPECT_EQUAL(home_of(context, 7), "HOME=/");
}

TEST(home_descriptor, "/etc/passwd that leads to a descriptor of init's is not opened") {
  make_program(in_root("/x"));
  make_directory(in_root("/etc"));
  make_directory(in_root("/proc"));
  write_file("/mnt/outside/passwd", "u:x:7:7::/host:\n");
  EXPECT(mount("proc", in_root("/proc").c_str(), "proc", 0, nullptr) == 0);
  const UniqueFd host(open("/mnt/outside/passwd", O_RDONLY));
  make_link(in_root("/etc/passwd"), "/proc/self/fd/" + std::to_string(host.get()));
  Context context = inside();
  EXPECT_EQUAL(home_of(context, 7), "HOME=/");
}

bool is_close_on_exec(int fd) { return (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0; }

TEST(close_inherited, "only the preserved descriptors stay open over the execve (S30)") {
  Context context = attached_rootfs();
  const int null = open("/dev/null", O_RDONLY);
  for (const int number : {40, 41, 500}) EXPECT(dup2(null, number) == number);
  EXPECT_DONE(carry_out(context, wire::CloseInheritedFilesStep{.preserve_fds = 38}));
  EXPECT(!is_close_on_exec(STDERR_FILENO) && !is_close_on_exec(40));
  EXPECT(is_close_on_exec(41) && is_close_on_exec(500));
  EXPECT(!context.rootfs.is_open());
}

/// Capabilities by their number.
constexpr uint64_t bit(int capability) { return uint64_t{1} << capability; }
constexpr uint64_t kChown = bit(0);
constexpr uint64_t kNetRaw = bit(13);
constexpr uint64_t kSysAdmin = bit(21);

/// A line of /proc/self/status, as the hexadecimal number that it is.
uint64_t status_of(const std::string& name) {
  const std::string text = read_file("/proc/self/status");
  const size_t at = text.find(name + ":");
  EXPECT(at != std::string::npos);
  return strtoull(text.c_str() + at + name.size() + 1, nullptr, 16);
}

TEST(capabilities, "the five sets are exactly those of the plan (S21, S48)") {
  Context context;
  EXPECT_DONE(carry_out(context, wire::LimitBoundingSetStep{.keep = kChown | kNetRaw}));
  EXPECT_DONE(carry_out(context, wire::BecomeUserStep{.uid = 42, .gid = 43}));
  EXPECT_DONE(carry_out(context, wire::SetCapabilitiesStep{.effective = kChown,
                                                           .permitted = kChown | kNetRaw,
                                                           .inheritable = kNetRaw,
                                                           .ambient = kNetRaw}));
  EXPECT_EQUAL(status_of("CapBnd"), kChown | kNetRaw);
  EXPECT_EQUAL(status_of("CapEff"), kChown);
  EXPECT_EQUAL(status_of("CapPrm"), kChown | kNetRaw);
  EXPECT_EQUAL(status_of("CapInh"), kNetRaw);
  EXPECT_EQUAL(status_of("CapAmb"), kNetRaw);
  EXPECT(driver().warnings.empty());
}

TEST(capabilities_missing, "what cannot be granted is warned about, and the rest is granted") {
  Context context;
  EXPECT_DONE(carry_out(context, wire::SetCapabilitiesStep{.effective = kChown | kNetRaw,
                                                           .permitted = kChown | kNetRaw}));
  EXPECT_EQUAL(driver().warnings.size(), 0u);
  EXPECT_DONE(carry_out(context, wire::SetCapabilitiesStep{.effective = kChown | kSysAdmin,
                                                           .permitted = kChown | kSysAdmin,
                                                           .ambient = kChown}));
  EXPECT_EQUAL(driver().warnings.size(), 3u);
  EXPECT_EQUAL(driver().warnings[0],
               "permitted capabilities 0x200000 are not this process's to give");
  EXPECT_EQUAL(driver().warnings[1],
               "effective capabilities 0x200000 are not this process's to give");
  EXPECT(driver().warnings[2].find("ambient capability 0") != std::string::npos);
  EXPECT(driver().warnings[2].find("EPERM") != std::string::npos);
  EXPECT_EQUAL(status_of("CapPrm"), kChown);
}

TEST(capabilities_unequal,
     "a set that asks for more than another allows is warned about, not refused") {
  Context context;
  EXPECT_DONE(carry_out(context, wire::LimitBoundingSetStep{.keep = kChown}));
  EXPECT_DONE(carry_out(context, wire::SetCapabilitiesStep{.effective = kChown | kNetRaw,
                                                           .permitted = kChown,
                                                           .inheritable = kChown | kNetRaw}));
  EXPECT_EQUAL(driver().warnings.size(), 2u);
  EXPECT_EQUAL(status_of("CapEff"), kChown);
  EXPECT_EQUAL(status_of("CapInh"), kChown);
}

TEST(capabilities_until_execve,
     "what init needs until the execve is no part of what is inherited") {
  Context context;
  EXPECT_DONE(carry_out(context, wire::LimitBoundingSetStep{.keep = kChown}));
  EXPECT_DONE(carry_out(context, wire::BecomeUserStep{.uid = 42, .gid = 43}));
  EXPECT_DONE(carry_out(context, wire::SetCapabilitiesStep{.until_execve = kSysAdmin}));
  EXPECT_EQUAL(status_of("CapEff"), kSysAdmin);
  EXPECT_EQUAL(status_of("CapInh"), 0u);
  EXPECT_EQUAL(status_of("CapBnd"), kChown);
}

TEST(become_user,
     "a change of user leaves init protected, and takes the groups of the plan alone") {
  const gid_t callers = 77;
  EXPECT(setgroups(1, &callers) == 0);
  Context context;
  EXPECT(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
  EXPECT_DONE(
      carry_out(context, wire::BecomeUserStep{.uid = 42, .gid = 43, .groups = numbers({5, 6})}));
  uid_t uids[3];
  gid_t gids[3];
  EXPECT(getresuid(&uids[0], &uids[1], &uids[2]) == 0 &&
         getresgid(&gids[0], &gids[1], &gids[2]) == 0);
  for (int index = 0; index < 3; ++index) EXPECT(uids[index] == 42 && gids[index] == 43);
  gid_t groups[8];
  EXPECT(getgroups(8, groups) == 2 && groups[0] == 5 && groups[1] == 6);
  int signal = 0;
  EXPECT(prctl(PR_GET_DUMPABLE) == 0 && prctl(PR_GET_PDEATHSIG, &signal) == 0);
  EXPECT(signal == SIGKILL);
}

TEST(no_user, "the id that means no change is refused (S24)") {
  Context context;
  EXPECT_REFUSED(carry_out(context, wire::BecomeUserStep{.uid = UINT32_MAX, .gid = 1}),
                 "4294967295 is no uid");
  EXPECT_REFUSED(carry_out(context, wire::BecomeUserStep{.uid = 1, .gid = UINT32_MAX}),
                 "4294967295 is no gid");
}

TEST(foreign_userns, "joining a user namespace of another owner leaves init protected") {
  int ready[2];
  EXPECT(pipe(ready) == 0);
  const pid_t other = fork();
  if (other == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (setresuid(1000, 1000, 1000) < 0 || unshare(CLONE_NEWUSER) < 0) _exit(1);
    if (write(ready[1], "", 1) != 1) _exit(1);
    pause();
  }
  char byte = 0;
  EXPECT(read(ready[0], &byte, 1) == 1);
  Context context;
  EXPECT_DONE(carry_out(context, wire::ProtectProcessStep{}));
  const std::string path = "/proc/" + std::to_string(other) + "/ns/user";
  EXPECT_DONE(carry_out(
      context, wire::JoinNamespaceStep{.namespace_fd = open(path.c_str(), O_RDONLY | O_CLOEXEC),
                                       .ns_type = CLONE_NEWUSER,
                                       .path = path.c_str()}));
  int signal = 0;
  EXPECT(prctl(PR_GET_DUMPABLE) == 0 && prctl(PR_GET_PDEATHSIG, &signal) == 0);
  EXPECT(signal == SIGKILL);
}

TEST(keyring, "init has a session keyring of its own, with the longest name") {
  const long callers = syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0);
  const std::string name = "_ses." + std::string(1024, 'k');
  Context context;
  EXPECT_DONE(carry_out(context, wire::NewKeyringStep{.name = name.c_str()}));
  const long own = syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0);
  if (own < 0) skip("a kernel without keyrings, or a filter around us");
  EXPECT(own != callers);
  char description[8192] = "";
  EXPECT(syscall(SYS_keyctl, KEYCTL_DESCRIBE, own, description, sizeof(description)) > 0);
  EXPECT(std::string(description).find(name) != std::string::npos);
}

TEST(directory_of_user, "a directory that only the user may enter is entered by the user") {
  make_directory("/mnt/home", 0700);
  EXPECT(chown("/mnt/home", 42, 42) == 0);
  Context context;
  // As on a file system that takes root for nobody.
  EXPECT_DONE(carry_out(context, wire::SetCapabilitiesStep{.effective = bit(6) | bit(7),
                                                           .permitted = bit(6) | bit(7)}));
  EXPECT_DONE(carry_out(context, wire::ChangeDirectoryStep{.path = "/mnt/home"}));
  EXPECT(context.directory_pending);
  EXPECT_DONE(carry_out(context, wire::BecomeUserStep{.uid = 42, .gid = 42}));
  EXPECT_DONE(carry_out(context, wire::ChangeDirectoryStep{.path = "/mnt/home", .final = 1}));
  char here[PATH_MAX];
  EXPECT_EQUAL(std::string(getcwd(here, sizeof(here))), "/mnt/home");
}

TEST(directory_refused, "a directory that neither may enter, or that is none, is refused") {
  make_directory("/mnt/closed", 0700);
  write_file("/mnt/file", "");
  Context context;
  EXPECT_REFUSED(carry_out(context, wire::ChangeDirectoryStep{.path = "/mnt/missing"}), "ENOENT");
  EXPECT_REFUSED(carry_out(context, wire::ChangeDirectoryStep{.path = "/mnt/file"}), "ENOTDIR");
  EXPECT(setresuid(42, 42, 42) == 0);
  EXPECT_DONE(carry_out(context, wire::ChangeDirectoryStep{.path = "/mnt/closed"}));
  EXPECT_REFUSED(carry_out(context, wire::ChangeDirectoryStep{.path = "/mnt/closed", .final = 1}),
                 "EACCES");
}

TEST(directory_outside, "a working directory outside the root is refused (CVE-2024-21626, S09)") {
  make_directory(in_root("/proc"));
  EXPECT(mount("proc", in_root("/proc").c_str(), "proc", 0, nullptr) == 0);
  const UniqueFd leaked(open(kOutside, O_RDONLY | O_DIRECTORY));
  const std::string path = "/proc/self/fd/" + std::to_string(leaked.get());
  Context context = attached_rootfs();
  EXPECT_DONE(carry_out(context, wire::PivotRootStep{}));
  EXPECT_DONE(carry_out(context, wire::ChangeDirectoryStep{.path = path.c_str()}));
  EXPECT_REFUSED(carry_out(context, wire::ChangeDirectoryStep{.path = path.c_str(), .final = 1}),
                 "leads out of the container's root: (unreachable)");
}

TEST(filter_length, "a filter that 16 bits cannot count is refused") {
  std::vector<sock_filter> program(65537, sock_filter{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW});
  const auto bytes = std::as_bytes(std::span<const sock_filter>(program));
  EXPECT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  Context context;
  EXPECT_REFUSED(carry_out(context, wire::LoadSeccompStep{.program = bytes}), "524296 bytes");
  EXPECT_REFUSED(carry_out(context, wire::LoadSeccompStep{.program = bytes.first(12)}), "12 bytes");
  EXPECT_REFUSED(carry_out(context, wire::LoadSeccompStep{}), "0 bytes");
  EXPECT_DONE(carry_out(context, wire::LoadSeccompStep{.program = bytes.first(8)}));
  EXPECT(prctl(PR_GET_SECCOMP) == SECCOMP_MODE_FILTER);
}

}  // namespace
}  // namespace tsoci::tests
