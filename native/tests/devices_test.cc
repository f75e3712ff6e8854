// Devices, masks, kernel parameters and the console.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <termios.h>

#include "tests/harness.h"

namespace tsoci::tests {
namespace {

std::string in_root(const std::string& path) { return kRootfs + path; }

wire::MakeDeviceStep null_at(const char* path) {
  return {.path = path, .type = S_IFCHR, .major = 1, .minor = 3, .mode = 0666};
}

TEST(make_device, "a device has exactly the type, number, mode and owner of its step") {
  Context context = attached_rootfs();
  wire::MakeDeviceStep step = null_at("/dev/deep/null");
  step.uid = 3;
  step.gid = 4;
  EXPECT_DONE(carry_out(context, step));
  EXPECT_DONE(
      carry_out(context, wire::MakeDeviceStep{.path = "/dev/p", .type = S_IFIFO, .mode = 0620}));

  const struct statx made = look(in_root("/dev/deep/null"));
  EXPECT(sys::is_null_device(made));
  EXPECT_EQUAL(made.stx_mode & 07777u, 0666u);
  EXPECT_EQUAL(made.stx_uid, 3u);
  EXPECT_EQUAL(made.stx_gid, 4u);
  EXPECT(S_ISFIFO(look(in_root("/dev/p")).stx_mode));
}

TEST(device_there, "a device that is there already is kept when it is the right one") {
  make_directory(in_root("/dev"));
  EXPECT(mknod(in_root("/dev/null").c_str(), S_IFCHR, makedev(1, 3)) == 0);
  EXPECT(mknod(in_root("/dev/zero").c_str(), S_IFCHR, makedev(1, 5)) == 0);
  Context context = attached_rootfs();
  EXPECT_DONE(carry_out(context, null_at("/dev/null")));
  EXPECT_EQUAL(look(in_root("/dev/null")).stx_mode & 07777u, 0u);
  wire::MakeDeviceStep listed = null_at("/dev/null");
  listed.always = 1;
  listed.mode = 0640;
  listed.uid = 9;
  EXPECT_DONE(carry_out(context, listed));
  EXPECT_EQUAL(look(in_root("/dev/null")).stx_uid, 9u);
  if (driver().warnings.empty()) EXPECT_EQUAL(look(in_root("/dev/null")).stx_mode & 07777u, 0640u);

  EXPECT_REFUSED(carry_out(context, null_at("/dev/zero")), "and must be a character device (1:3)");
}

TEST(device_mode_old_kernel, "a device that is there gets its mode on a kernel without fchmodat2") {
  make_directory(in_root("/dev"));
  EXPECT(mknod(in_root("/dev/null").c_str(), S_IFCHR, makedev(1, 3)) == 0);
  const sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fchmodat2, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter{sizeof(program) / sizeof(program[0]), const_cast<sock_filter*>(program)};
  EXPECT(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) == 0);
  Context context = attached_rootfs();
  wire::MakeDeviceStep listed = null_at("/dev/null");
  listed.always = 1;
  listed.mode = 0640;
  EXPECT_DONE(carry_out(context, listed));
  EXPECT_EQUAL(look(in_root("/dev/null")).stx_mode & 07777u, 0640u);
  EXPECT(driver().warnings.empty());
}

TEST(device_mismatch, "another file in a device's place is refused (S12)") {
  make_directory(in_root("/dev"));
  make_directory(in_root("/etc"));
  write_file(in_root("/etc/v"), "MARKED\n");
  make_link(in_root("/dev/null"), "/etc/v");
  Context context = attached_rootfs();
  EXPECT_REFUSED(carry_out(context, null_at("/dev/null")), "symbolic link");
  EXPECT_REFUSED(
      carry_out(
          context,
          wire::BindDeviceStep{
              .path = "/dev/null", .source = "/dev/null", .major = 1, .minor = 3, .type = S_IFCHR}),
      "symbolic link");
  const UniqueFd host_null(open("/dev/null", O_RDWR));
  dup2(host_null.get(), STDIN_FILENO);
  EXPECT_REFUSED(carry_out(context, wire::ReopenNullStreamsStep{}), "symbolic link");
  EXPECT_EQUAL(read_file(in_root("/etc/v")), "MARKED\n");
  EXPECT(!mount_at(in_root("/etc/v")).there);
}

TEST(device_outside, "a device path cannot lead outside (S08)") {
  Context context = attached_rootfs();
  EXPECT_DONE(carry_out(context, null_at("/../../../mnt/outside/d")));
  EXPECT_EQUAL(list(kOutside), "");
  EXPECT(sys::is_null_device(look(in_root("/mnt/outside/d"))));
}

TEST(dev_link, "/dev that is a symbolic link leaves the outside alone (S11)") {
  make_link(in_root("/dev"), kOutside);
  write_file(std::string(kOutside) + "/ptmx", "host");
  Context context = attached_rootfs();
  EXPECT_DONE(carry_out(context, null_at("/dev/null")));
  EXPECT_DONE(carry_out(
      context, wire::MakeSymlinkStep{.path = "/dev/ptmx", .target = "pts/ptmx", .replace = 1}));
  EXPECT_EQUAL(list(kOutside), "ptmx");
  EXPECT_EQUAL(read_file(std::string(kOutside) + "/ptmx"), "host");
}

TEST(make_symlink, "a symbolic link replaces a file only when it may") {
  make_directory(in_root("/dev"));
  write_file(in_root("/dev/ptmx"), "");
  write_file(in_root("/dev/fd"), "image");
  make_directory(in_root("/dev/directory"));
  Context context = attached_rootfs();
  EXPECT_DONE(carry_out(
      context, wire::MakeSymlinkStep{.path = "/dev/ptmx", .target = "pts/ptmx", .replace = 1}));
  EXPECT_DONE(
      carry_out(context, wire::MakeSymlinkStep{.path = "/dev/fd", .target = "/proc/self/fd"}));
  EXPECT_REFUSED(
      carry_out(context,
                wire::MakeSymlinkStep{.path = "/dev/directory", .target = "x", .replace = 1}),
      "EISDIR");
  EXPECT(S_ISLNK(look(in_root("/dev/ptmx")).stx_mode));
  EXPECT_EQUAL(read_file(in_root("/dev/fd")), "image");
}

TEST(bind_device, "a device of the host is bound where none can be made") {
  Context context = attached_rootfs();
  wire::BindDeviceStep step{
      .path = "/dev/null", .source = "/dev/null", .major = 1, .minor = 3, .type = S_IFCHR};
  EXPECT_DONE(carry_out(context, step));
  EXPECT(sys::is_null_device(look(in_root("/dev/null"))));
  EXPECT(mount_at(in_root("/dev/null")).there);
  step.path = "/dev/zero";
  step.minor = 5;
  EXPECT_REFUSED(carry_out(context, step), "and must be a character device (1:5)");
}

TEST(device_in_userns, "where the kernel makes no device, the host's is bound") {
  in_user_namespace([] {
    Context context = attached_rootfs();
    EXPECT_DONE(carry_out(context, null_at("/dev/null")));
    EXPECT(sys::is_null_device(look(in_root("/dev/null"))));
    EXPECT(mount_at(in_root("/dev/null")).there);
  });
}

TEST(mask, "a mask hides a file and a directory, once each") {
  Context context = attached_rootfs();
  EXPECT_DONE(carry_out(context, null_at("/dev/null")));
  write_file(in_root("/secret"), "text");
  for (const char* name : {"/a", "/b"}) {
    make_directory(in_root(name));
    write_file(in_root(name) + "/secret", "text");
  }
  for (const char* path : {"/secret", "/a", "/b", "/missing", "/secret", "/a", "/b"}) {
    EXPECT_DONE(carry_out(context, wire::MaskPathStep{.path = path}));
  }
  EXPECT_EQUAL(read_file(in_root("/secret")), "");
  EXPECT(sys::is_null_device(look(in_root("/secret"))));
  EXPECT_EQUAL(list(in_root("/a")) + list(in_root("/b")), "");
  EXPECT(mount_at(in_root("/a")).has("ro"));
  EXPECT_EQUAL(look(in_root("/a")).stx_dev_minor, look(in_root("/b")).stx_dev_minor);
  for (const char* path : {"/secret", "/a", "/b"}) EXPECT_EQUAL(mount_at(in_root(path)).count, 1u);
  EXPECT(!exists(in_root("/missing")));
}

TEST(mask_source, "masking fails without a genuine /dev/null (S13, S15)") {
  make_directory(in_root("/dev"));
  write_file(in_root("/m"), "text");
  write_file(in_root("/s"), "other");
  Context context = attached_rootfs();
  EXPECT_REFUSED(carry_out(context, wire::MaskPathStep{.path = "/m"}), "ENOENT");
  make_link(in_root("/dev/null"), "/s");
  EXPECT_REFUSED(carry_out(context, wire::MaskPathStep{.path = "/m"}),
                 "must be character device 1:3");
  EXPECT(!mount_at(in_root("/m")).there);
}

TEST(read_only_path, "a read-only path keeps its attributes, and so do the mounts below") {
  make_directory(in_root("/v"));
  EXPECT(mount("tmpfs", in_root("/v").c_str(), "tmpfs", MS_NOSUID | MS_NOEXEC, nullptr) == 0);
  make_directory(in_root("/v/sub"));
  EXPECT(mount("tmpfs", in_root("/v/sub").c_str(), "tmpfs", MS_NODEV, nullptr) == 0);
  Context context = attached_rootfs();
  EXPECT_DONE(carry_out(context, wire::MakePathReadOnlyStep{.path = "/v"}));
  EXPECT_DONE(carry_out(context, wire::MakePathReadOnlyStep{.path = "/missing"}));
  EXPECT_EQUAL(mount_at(in_root("/v")).options, ",ro,nosuid,noexec,relatime,");
  EXPECT_EQUAL(mount_at(in_root("/v/sub")).options, ",ro,nodev,relatime,");
}

TEST(read_only_unbindable, "an unbindable mount becomes read-only itself") {
  Context context = attached_rootfs();
  EXPECT_DONE(
      carry_out(context, wire::MountFilesystemStep{.type = "tmpfs",
                                                   .source = "tmpfs",
                                                   .target = "/u",
                                                   .propagation = numbers({MS_UNBINDABLE})}));
  EXPECT_DONE(carry_out(context, wire::MakePathReadOnlyStep{.path = "/u"}));
  EXPECT(mount_at(in_root("/u")).has("ro"));
}

TEST(sysctl, "a kernel parameter is written behind whatever covers /proc (S16, S17)") {
  write_file("/mnt/marker", "untouched");
  EXPECT(mount("/mnt/marker", "/proc/sys/kernel/domainname", nullptr, MS_BIND, nullptr) == 0);
  Context context = attached_rootfs();
  EXPECT_DONE(carry_out(context,
                        wire::WriteProcfsStep{.path = "sys/kernel/domainname", .value = "inside"}));
  EXPECT_DONE(carry_out(context, wire::WriteProcfsStep{.path = "self/comm", .value = "renamed"}));

  utsname names{};
  uname(&names);
  EXPECT_EQUAL(std::string(names.domainname), "inside");
  EXPECT_EQUAL(read_file("/mnt/marker"), "untouched");
  EXPECT_EQUAL(read_file("/proc/self/comm"), "renamed\n");
  EXPECT(!mount_at("").there);
  EXPECT_REFUSED(carry_out(context, wire::WriteProcfsStep{.path = "../mnt/marker", .value = "x"}),
                 "EXDEV");
  EXPECT_REFUSED(carry_out(context, wire::WriteProcfsStep{.path = "sys/kernel/none", .value = "x"}),
                 "ENOENT");
  EXPECT_REFUSED(
      carry_out(context, wire::WriteProcfsStep{.path = "self/root/mnt/marker", .value = "x"}),
      "ELOOP");
  EXPECT_DONE(carry_out(context, wire::CloseProcfsStep{}));
  EXPECT(!context.procfs.is_open());
}

TEST(exec_label,
     "a program's label goes to the first file of procfs that is there, and to no fake") {
  Context context = attached_rootfs();
  wire::SetExecLabelStep step{
      .module = "some", .files = strings({"self/none/exec", "self/comm"}), .value = "exec some"};
  EXPECT_DONE(carry_out(context, step));
  EXPECT_EQUAL(read_file("/proc/self/comm"), "exec some\n");

  // An image or a hook may cover the files of the mounted procfs: CVE-2019-16884, CVE-2025-52881.
  write_file("/mnt/fake", "untouched");
  EXPECT(mount("/mnt/fake", "/proc/self/comm", nullptr, MS_BIND, nullptr) == 0);
  step.value = "exec more";
  EXPECT_DONE(carry_out(context, step));
  EXPECT_EQUAL(read_file("/mnt/fake"), "untouched");

  step.files = strings({"self/none/exec", "self/attr/none"});
  EXPECT_REFUSED(carry_out(context, step), "ENOENT");
  step.files = strings({"self/root/mnt/fake", "self/comm"});
  EXPECT_REFUSED(carry_out(context, step), "ELOOP");
  step.files = strings({});
  EXPECT_REFUSED(carry_out(context, step), "no file for the label of some");
}

TEST(labels_of_mounts, "a label that the kernel does not know is no mount without a label") {
  struct stat selinux {};
  if (stat("/sys/fs/selinux/enforce", &selinux) == 0) skip("SELinux is on");
  make_directory(in_root("/m"));
  Context context = attached_rootfs();
  wire::MountFilesystemStep step{.type = "tmpfs", .source = "tmpfs", .target = "/m"};
  step.options = strings({"context=\"a:b:c:s0:c1,c2\""});
  EXPECT_REFUSED(carry_out(context, step), "context");
  EXPECT_REFUSED(carry_out(context, wire::MaskPathStep{.path = "/m", .label = "a:b:c"}), "context");
  EXPECT(!mount_at(in_root("/m")).there);

  // A tmpfs keeps attributes of any name, as the kernel without SELinux does not look at them.
  step.options = strings({});
  step.root_label = "a:b:c:s0:c1,c2";
  const Result<void> labelled = carry_out(context, step);
  if (!labelled) {
    EXPECT_REFUSED(labelled, "security.selinux \"a:b:c:s0:c1,c2\"");
    EXPECT(!mount_at(in_root("/m")).there);
    return;
  }
  char label[32] = "";
  EXPECT(getxattr(in_root("/m").c_str(), "security.selinux", label, sizeof(label)) > 0);
  EXPECT_EQUAL(std::string(label), "a:b:c:s0:c1,c2");
}

TEST(sysctl_in_userns, "where the kernel gives no new procfs, the mounted one is used") {
  EXPECT(mount("/dev/null", "/proc/meminfo", nullptr, MS_BIND, nullptr) == 0);
  in_user_namespace([] {
    Context context = attached_rootfs();
    EXPECT_DONE(carry_out(context, wire::WriteProcfsStep{.path = "self/comm", .value = "renamed"}));
    EXPECT_EQUAL(read_file("/proc/self/comm"), "renamed\n");
  });
}

TEST(sysctl_other_pids,
     "\"self\" of a borrowed procfs is this process, however pids are counted there") {
  EXPECT(mount("/dev/null", "/proc/meminfo", nullptr, MS_BIND, nullptr) == 0);
  in_user_namespace([] {
    EXPECT(unshare(CLONE_NEWPID) == 0);
    const pid_t pid = fork();
    if (pid == 0) {
      EXPECT(getpid() == 1);
      Context context = attached_rootfs();
      EXPECT_DONE(carry_out(context, wire::WriteProcfsStep{.path = "self/comm", .value = "inner"}));
      EXPECT_EQUAL(read_file("/proc/self/comm"), "inner\n");
      _exit(0);
    }
    int status = 0;
    EXPECT(waitpid(pid, &status, 0) == pid && status == 0);
  });
}

/// A container with a devpts, in a session of its own.
Context with_terminal() {
  Context context = attached_rootfs();
  EXPECT_DONE(carry_out(
      context, wire::MountFilesystemStep{
                   .type = "devpts",
                   .source = "devpts",
                   .target = "/dev/pts",
                   .options = strings({"newinstance", "ptmxmode=0666", "mode=0620", "gid=5"})}));
  EXPECT(setsid() >= 0 || getsid(0) == getpid());
  return context;
}

TEST(console, "the console is a new terminal on the standard streams and /dev/console") {
  Context context = with_terminal();
  EXPECT_DONE(carry_out(
      context, wire::OpenConsoleStep{.rows = 10, .columns = 110, .uid = 42, .mount_console = 1}));

  winsize size{};
  EXPECT(ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0);
  EXPECT_EQUAL(static_cast<uint64_t>(size.ws_row), 10u);
  EXPECT_EQUAL(static_cast<uint64_t>(size.ws_col), 110u);
  EXPECT(tcgetsid(STDOUT_FILENO) == getpid());
  const struct statx slave = look(in_root("/dev/pts/0"));
  EXPECT_EQUAL(slave.stx_uid, 42u);
  EXPECT_EQUAL(slave.stx_gid, 5u);
  EXPECT_EQUAL(look(in_root("/dev/console")).stx_rdev_minor, slave.stx_rdev_minor);
  EXPECT_EQUAL(mount_at(in_root("/dev/console")).type, "devpts");
  EXPECT(write(STDOUT_FILENO, "hello", 5) == 5);
  char text[16] = "";
  EXPECT(read(driver().console.get(), text, sizeof(text)) == 5);
}

TEST(console_link, "/dev/console that is a symbolic link is refused (S18, S19)") {
  make_directory(in_root("/dev"));
  make_directory(in_root("/etc"));
  write_file(in_root("/etc/v"), "MARKED\n");
  make_link(in_root("/dev/console"), "/etc/v");
  Context context = with_terminal();
  EXPECT_REFUSED(carry_out(context, wire::OpenConsoleStep{.uid = 0, .mount_console = 1}),
                 "symbolic link");
  EXPECT(unlink(in_root("/dev/console").c_str()) == 0);
  make_link(in_root("/dev/console"), "/mnt/outside/pwn");
  EXPECT_REFUSED(carry_out(context, wire::OpenConsoleStep{.uid = 0, .mount_console = 1}),
                 "symbolic link");
  EXPECT_EQUAL(list(kOutside), "");
  EXPECT(!mount_at(in_root("/etc/v")).there);
}

TEST(console_fake, "a ptmx that is not devpts's own is refused") {
  make_directory(in_root("/dev"));
  make_directory(in_root("/dev/pts"));
  EXPECT(mknod(in_root("/dev/pts/ptmx").c_str(), S_IFCHR | 0666, makedev(5, 2)) == 0);
  Context context = attached_rootfs();
  EXPECT_REFUSED(carry_out(context, wire::OpenConsoleStep{}), "of a devpts");
}

TEST(streams, "the streams belong to the user, but /dev/null stays as it is") {
  write_file("/mnt/output", "");
  const UniqueFd output(open("/mnt/output", O_WRONLY));
  dup2(output.get(), STDOUT_FILENO);
  const UniqueFd null(open("/dev/null", O_RDWR));
  dup2(null.get(), STDIN_FILENO);
  Context context = attached_rootfs();
  EXPECT_DONE(carry_out(context, null_at("/dev/null")));

  EXPECT_DONE(carry_out(context, wire::ReopenNullStreamsStep{}));
  EXPECT_DONE(carry_out(context, wire::OwnStreamsStep{.uid = 42}));

  EXPECT_EQUAL(look("/mnt/output").stx_uid, 42u);
  EXPECT_EQUAL(look("/dev/null").stx_uid, 0u);
  EXPECT_EQUAL(look(in_root("/dev/null")).stx_uid, 0u);
  EXPECT_EQUAL(sys::look_at(STDIN_FILENO).value().stx_ino, look(in_root("/dev/null")).stx_ino);
}

}  // namespace
}  // namespace tsoci::tests
