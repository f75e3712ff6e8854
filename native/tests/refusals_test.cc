// What the kernel refuses has to be refused: a step that passes over it leaves the program with
// more than the plan gives it.
#include <fcntl.h>
#include <linux/filter.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <span>

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
