// What the kernel refuses has to be refused: a step that passes over it leaves the program with
// more than the plan gives it.
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <span>

#include "init/attach.h"
#include "tests/harness.h"

namespace tsoci::tests {
namespace {

std::string in_root(const std::string& path) { return kRootfs + path; }

constexpr uint64_t bit(int capability) { return uint64_t{1} << capability; }
constexpr int kSetgid = 6;
constexpr int kSetuid = 7;
constexpr int kSetpcap = 8;
constexpr int kSysAdmin = 21;
constexpr uint64_t kEvery = bit(41) - 1;

/// Gives up one capability; what the bounding set lacks cannot be had anyway.
void lose(Context& context, int capability) {
  const uint64_t kept = kEvery & ~bit(capability);
  EXPECT_DONE(carry_out(context, wire::SetCapabilitiesStep{.effective = kept, .permitted = kept}));
}

TEST(groups_refused, "a user that the kernel refuses is none: its groups") {
  Context context;
  lose(context, kSetgid);
  EXPECT_REFUSED(carry_out(context, wire::BecomeUserStep{.uid = 42}), "setgroups: EPERM");
}

TEST(group_refused, "a user that the kernel refuses is none: its group") {
  Context context;
  lose(context, kSetgid);
  EXPECT_REFUSED(carry_out(context, wire::BecomeUserStep{.uid = 42, .gid = 43, .keep_groups = 1}),
                 "setresgid: EPERM");
}

TEST(uid_refused, "a user that the kernel refuses is none: its uid") {
  Context context;
  lose(context, kSetuid);
  EXPECT_REFUSED(carry_out(context, wire::BecomeUserStep{.uid = 42, .gid = 43}),
                 "setresuid: EPERM");
}

TEST(bounding_refused, "a bounding set that may not be limited is refused") {
  Context context;
  lose(context, kSetpcap);
  EXPECT_REFUSED(carry_out(context, wire::LimitBoundingSetStep{}), "PR_CAPBSET_DROP): EPERM");
}

TEST(join_refused,
     "a namespace that may not be joined is passed over only before a user namespace") {
  Context context;
  lose(context, kSysAdmin);
  const auto own = [](uint32_t round) {
    return wire::JoinNamespaceStep{.namespace_fd = open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC),
                                   .ns_type = CLONE_NEWUTS,
                                   .path = "own",
                                   .round = round};
  };
  constexpr uint32_t kOnly = 0;
  constexpr uint32_t kBeforeUser = 1;
  constexpr uint32_t kAfterUser = 2;
  EXPECT_REFUSED(carry_out(context, own(kOnly)), "setns: EPERM");
  EXPECT_DONE(carry_out(context, own(kBeforeUser)));
  EXPECT_REFUSED(carry_out(context, own(kAfterUser)), "setns: EPERM");
}

TEST(cgroup_refused, "a cgroup that takes nobody is refused") {
  Context context;
  const auto full = static_cast<uint32_t>(open("/dev/full", O_WRONLY | O_CLOEXEC));
  EXPECT_REFUSED(carry_out(context, wire::JoinCgroupStep{.tasks_fds = numbers({full})}), "ENOSPC");
}

TEST(filter_refused, "instructions that the kernel does not know are no filter") {
  const sock_filter unknown{0xffff, 0, 0, 0};
  EXPECT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  Context context;
  const auto bytes = std::as_bytes(std::span<const sock_filter>(&unknown, 1));
  EXPECT_REFUSED(carry_out(context, wire::LoadSeccompStep{.program = bytes}), "EINVAL");
}

TEST(filter_flags,
     "flags of a filter that the kernel does not know are refused, and others are not") {
  const sock_filter allow{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW};
  EXPECT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
  Context context;
  const auto bytes = std::as_bytes(std::span<const sock_filter>(&allow, 1));
  EXPECT_REFUSED(carry_out(context, wire::LoadSeccompStep{.program = bytes, .flags = 1u << 30}),
                 "flags 0x40000000: seccomp");
  EXPECT_DONE(carry_out(context,
                        wire::LoadSeccompStep{.program = bytes, .flags = SECCOMP_FILTER_FLAG_LOG}));
}

TEST(lookup_refused, "a path that cannot be looked up is not passed over") {
  make_link(in_root("/loop"), "loop");
  write_file(in_root("/file"), "");
  Context context = attached_rootfs();
  for (const char* path : {"/loop", "/loop/below"}) {
    EXPECT_REFUSED(carry_out(context, wire::MaskPathStep{.path = path}), "ELOOP");
    EXPECT_REFUSED(carry_out(context, wire::MakePathReadOnlyStep{.path = path}), "ELOOP");
  }
  EXPECT_REFUSED(carry_out(context, wire::MaskPathStep{.path = "/file/below"}), "ENOTDIR");
  EXPECT_REFUSED(carry_out(context, wire::MakePathReadOnlyStep{.path = "/file/below"}), "ENOTDIR");
}

TEST(moved_target, "a target that was exchanged while it was mounted on is refused") {
  make_directory(in_root("/target"));
  make_directory(in_root("/source"));
  Context context = attached_rootfs();
  const UniqueFd target(open(in_root("/target").c_str(), O_PATH | O_CLOEXEC));
  Result<UniqueFd> tree = sys::clone_tree(AT_FDCWD, in_root("/source").c_str(), 0);
  EXPECT(tree);
  EXPECT(rename(in_root("/target").c_str(), in_root("/moved").c_str()) == 0);
  make_directory(in_root("/target"));
  EXPECT_REFUSED(attach(context, tree.value().get(), target.get(), "/target"),
                 "\"/target\" was moved while it was mounted on");
}

TEST(device_of_no_number, "a regular file is no device 0:0 (CVE-2026-88265)") {
  write_file(in_root("/file"), "");
  Context context = attached_rootfs();
  for (const uint32_t type : {S_IFCHR, S_IFBLK}) {
    EXPECT_REFUSED(carry_out(context, wire::MakeDeviceStep{.path = "/file", .type = type}),
                   "is a regular file (0:0), and must be a");
  }
}

TEST(procfs_file, "a directory of procfs is none") {
  // The kernel gives no new one where part of it is hidden.
  EXPECT(mount("/dev/null", "/proc/meminfo", nullptr, MS_BIND, nullptr) == 0);
  in_user_namespace([] {
    EXPECT(mount("/proc/sys", "/proc", nullptr, MS_BIND, nullptr) == 0);
    Context context = attached_rootfs();
    EXPECT_REFUSED(carry_out(context, wire::WriteProcfsStep{.path = "kernel/none", .value = "x"}),
                   "\"/proc\" is no procfs");
  });
}

TEST(procfs_covered, "a file of procfs that another one covers is not written") {
  EXPECT(mount("/dev/null", "/proc/meminfo", nullptr, MS_BIND, nullptr) == 0);
  in_user_namespace([] {
    const std::string before = read_file("/proc/self/coredump_filter");
    EXPECT(mount("/proc/self/coredump_filter", "/proc/self/comm", nullptr, MS_BIND, nullptr) == 0);
    Context context = attached_rootfs();
    EXPECT_REFUSED(carry_out(context, wire::WriteProcfsStep{.path = "self/comm", .value = "7"}),
                   "EXDEV");
    EXPECT_EQUAL(read_file("/proc/self/coredump_filter"), before);
  });
}

TEST(console_other, "what is neither a file nor a console is not covered by the terminal") {
  make_directory(in_root("/dev"));
  Context context = attached_rootfs();
  EXPECT_DONE(carry_out(
      context, wire::MountFilesystemStep{.type = "devpts",
                                         .source = "devpts",
                                         .target = "/dev/pts",
                                         .options = strings({"newinstance", "ptmxmode=0666"})}));
  for (const mode_t type : {S_IFIFO, S_IFCHR}) {
    EXPECT(mknod(in_root("/dev/console").c_str(), type | 0600, makedev(1, 3)) == 0);
    EXPECT_REFUSED(carry_out(context, wire::OpenConsoleStep{.mount_console = 1}),
                   "must be a regular file or character device 5:1");
    EXPECT(unlink(in_root("/dev/console").c_str()) == 0);
  }
}

TEST(set_id_copied, "set-id bits go with an owner that cannot be copied") {
  constexpr uid_t kUnmapped = 200000;
  make_directory(in_root("/d"));
  write_file(in_root("/d/program"), "");
  EXPECT(chown(in_root("/d/program").c_str(), kUnmapped, kUnmapped) == 0);
  EXPECT(chmod(in_root("/d/program").c_str(), 06755) == 0);
  in_user_namespace([] {
    Context context = attached_rootfs();
    EXPECT_DONE(
        carry_out(context, wire::MountFilesystemStep{
                               .type = "tmpfs", .source = "tmpfs", .target = "/d", .copy_up = 1}));
    EXPECT_EQUAL(look(in_root("/d/program")).stx_uid, 0u);
    EXPECT_EQUAL(look(in_root("/d/program")).stx_mode & 07777u, 0755u);
  });
}

TEST(ambient_of_caller, "ambient capabilities of the caller are not the program's") {
  constexpr uint64_t kNetRaw = bit(13);
  Context context;
  wire::SetCapabilitiesStep step{
      .effective = kNetRaw, .permitted = kNetRaw, .inheritable = kNetRaw, .ambient = kNetRaw};
  EXPECT_DONE(carry_out(context, step));
  EXPECT(read_file("/proc/self/status").find("CapAmb:\t0000000000002000") != std::string::npos);
  step.ambient = 0;
  EXPECT_DONE(carry_out(context, step));
  EXPECT(read_file("/proc/self/status").find("CapAmb:\t0000000000000000") != std::string::npos);
}

}  // namespace
}  // namespace tsoci::tests
