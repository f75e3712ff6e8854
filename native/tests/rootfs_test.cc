// The root: attached, entered, and what paths below it may lead to.
#include <sched.h>
#include <sys/wait.h>

#include "tests/harness.h"

namespace tsoci::tests {
namespace {

wire::MountFilesystemStep tmpfs_at(const char* target) {
  return {.type = "tmpfs", .source = "tmpfs", .target = target};
}

std::string in_root(const std::string& path) { return kRootfs + path; }

TEST(attach_mounts, "attachRootfs mounts the rootfs on itself") {
  Context context = attached_rootfs();

  EXPECT_EQUAL(mount_at(kRootfs).type, "tmpfs");
  EXPECT(sys::is_mount_root(sys::look_at(context.rootfs.get()).value()));
}

TEST(attach_refuses_root, "attachRootfs refuses the root of the host") {
  Context context;
  EXPECT_REFUSED(carry_out(context, wire::AttachRootfsStep{.path = "/mnt/.."}),
                 "is the root of the host");
}

TEST(attach_refuses_file, "attachRootfs refuses what is no directory") {
  write_file("/mnt/file", "");
  Context context;
  EXPECT_REFUSED(carry_out(context, wire::AttachRootfsStep{.path = "/mnt/file"}), "ENOTDIR");
}

TEST(attach_is_not_seen, "attachRootfs below a shared mount shows nothing to its peers") {
  EXPECT(mount(nullptr, kScratch, nullptr, MS_SHARED, nullptr) == 0);
  make_directory("/mnt/peer");
  EXPECT(mount(kScratch, "/mnt/peer", nullptr, MS_BIND, nullptr) == 0);

  Context context = attached_rootfs();

  EXPECT(mount_at(kRootfs).there);
  EXPECT(!mount_at("/mnt/peer/rootfs").there);
}

TEST(attach_in_callers, "attachRootfs in the caller's namespace changes no mount of the caller's") {
  EXPECT(mount(nullptr, kScratch, nullptr, MS_SHARED, nullptr) == 0);
  make_directory("/mnt/peer");
  EXPECT(mount(kScratch, "/mnt/peer", nullptr, MS_BIND, nullptr) == 0);
  const std::string tags = mount_at(kScratch).tags;
  Context context;
  EXPECT_DONE(carry_out(context, wire::AttachRootfsStep{.path = kRootfs, .recursive = 1}));
  EXPECT_DONE(carry_out(context, tmpfs_at("/t")));
  EXPECT_EQUAL(mount_at(kScratch).tags, tags);
  EXPECT_EQUAL(mount_at(kRootfs).tags, "");
  EXPECT(mount_at(in_root("/t")).there);
  EXPECT(!mount_at("/mnt/peer/rootfs/t").there);
}

TEST(pivot_leaves_host, "pivotRoot leaves nothing of the host") {
  write_file(in_root("/marker"), "inside");
  make_directory(in_root("/proc"));
  Context context = attached_rootfs();
  EXPECT_DONE(carry_out(
      context, wire::MountFilesystemStep{.type = "proc", .source = "proc", .target = "/proc"}));

  EXPECT_DONE(carry_out(context, wire::PivotRootStep{}));

  EXPECT(context.root_changed);
  EXPECT_EQUAL(read_file("/marker"), "inside");
  EXPECT_EQUAL(list("/"), "marker proc");
  EXPECT_EQUAL(count_mounts(), 2u);
  EXPECT_DONE(carry_out(context, wire::MakeDirectoryStep{.path = "/made/later", .mode = 0755}));
  EXPECT(exists("/made/later"));
}

TEST(pivot_from_shared, "pivotRoot works when everything was shared") {
  EXPECT(mount(nullptr, "/", nullptr, MS_SHARED | MS_REC, nullptr) == 0);
  Context context;
  EXPECT_DONE(carry_out(context, wire::SetPropagationStep{.flags = MS_SLAVE | MS_REC}));
  EXPECT_DONE(carry_out(
      context, wire::AttachRootfsStep{.path = kRootfs, .recursive = 1, .own_namespace = 1}));
  EXPECT_DONE(carry_out(context, wire::PivotRootStep{}));
  EXPECT_EQUAL(list("/"), "");
}

TEST(move_hides_proc, "moveRoot leaves no whole procfs that a user namespace could copy") {
  make_directory(in_root("/proc"));
  make_directory(in_root("/dev"));
  Context context = attached_rootfs();
  EXPECT_DONE(carry_out(
      context, wire::MountFilesystemStep{.type = "proc", .source = "proc", .target = "/proc"}));
  EXPECT_DONE(carry_out(context, wire::MoveRootStep{}));
  EXPECT_EQUAL(list("/"), "dev proc");
  EXPECT_DONE(carry_out(
      context, wire::MakeDeviceStep{
                   .path = "/dev/null", .type = S_IFCHR, .major = 1, .minor = 3, .mode = 0666}));
  EXPECT_DONE(carry_out(context, wire::MaskPathStep{.path = "/proc/meminfo"}));

  // Whoever has a namespace of its own may mount a procfs where one is fully visible.
  const pid_t pid = fork();
  if (pid == 0) {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID) < 0) _exit(3);
    const pid_t child = fork();
    if (child == 0)
      _exit(mount("proc", "/proc", "proc", 0, nullptr) == 0 ? 1 : errno == EPERM ? 0 : 2);
    int status = 0;
    waitpid(child, &status, 0);
    _exit(WEXITSTATUS(status));
  }
  int status = 0;
  waitpid(pid, &status, 0);
  // A chroot may not make user namespaces at all (EPERM), which hides procfs as well.
  EXPECT(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 3);
}

TEST(change_root, "changeRoot enters the rootfs as it was attached") {
  write_file(in_root("/marker"), "inside");
  Context context;
  EXPECT_DONE(carry_out(context, wire::AttachRootfsStep{.path = kRootfs, .recursive = 1}));
  EXPECT_DONE(carry_out(context, wire::ChangeRootStep{}));
  EXPECT(context.root_changed);
  EXPECT_EQUAL(list("/"), "marker");
}

TEST(root_read_only, "makeRootReadOnly makes the root read-only") {
  Context context = attached_rootfs();
  EXPECT_DONE(carry_out(context, wire::MakeRootReadOnlyStep{}));
  EXPECT(mount_at(kRootfs).has("ro"));
}

TEST(propagation_shared, "a shared root has a peer group of its own, and no master") {
  EXPECT(mount(nullptr, kScratch, nullptr, MS_SHARED, nullptr) == 0);
  const std::string host = mount_at(kScratch).tags;
  leave_peers_behind();
  Context context;
  EXPECT_DONE(carry_out(context, wire::SetPropagationStep{.flags = MS_SLAVE | MS_REC}));
  EXPECT_DONE(carry_out(
      context, wire::AttachRootfsStep{.path = kRootfs, .recursive = 1, .own_namespace = 1}));
  EXPECT_DONE(carry_out(context, wire::SetRootPropagationStep{.flags = MS_SHARED}));

  const std::string tags = mount_at(kRootfs).tags;
  EXPECT_EQUAL(tags.substr(0, 7), "shared:");
  EXPECT(tags.find("master") == std::string::npos);
  EXPECT(tags != host);
}

TEST(propagation_slave, "a slave root receives from the host's peer group") {
  EXPECT(mount(nullptr, kScratch, nullptr, MS_SHARED, nullptr) == 0);
  leave_peers_behind();
  Context context;
  EXPECT_DONE(carry_out(context, wire::SetPropagationStep{.flags = MS_SLAVE | MS_REC}));
  EXPECT_DONE(carry_out(
      context, wire::AttachRootfsStep{.path = kRootfs, .recursive = 1, .own_namespace = 1}));
  EXPECT_DONE(carry_out(context, wire::SetRootPropagationStep{.flags = MS_SLAVE}));
  const std::string tags = mount_at(kRootfs).tags;
  EXPECT_EQUAL(tags.substr(0, 7), "master:");
}

TEST(propagation_unbindable, "an unbindable root is unbindable") {
  Context context = attached_rootfs();
  EXPECT_DONE(carry_out(context, wire::SetRootPropagationStep{.flags = MS_UNBINDABLE}));
  EXPECT_EQUAL(mount_at(kRootfs).tags, "unbindable ");
}

TEST(links_stay_inside, "a mount point behind a symbolic link is made inside the root (S06)") {
  make_directory(in_root("/etc"));
  make_link(in_root("/etc/resolv.conf"), std::string(kOutside) + "/x");
  write_file("/mnt/source", "text");
  Context context = attached_rootfs();

  EXPECT_DONE(carry_out(
      context, wire::BindMountStep{.source = "/mnt/source", .target = "/etc/resolv.conf"}));

  EXPECT_EQUAL(list(kOutside), "");
  EXPECT_EQUAL(read_file(in_root("/mnt/outside/x")), "text");
  EXPECT(mount_at(in_root("/mnt/outside/x")).there);
}

TEST(dots_stay_inside, "a destination with \"..\" stays inside the root (S07)") {
  Context context = attached_rootfs();
  EXPECT_DONE(carry_out(context, tmpfs_at("/../../../../../mnt/outside/m")));
  EXPECT_EQUAL(list(kOutside), "");
  EXPECT(mount_at(in_root("/mnt/outside/m")).there);
}

TEST(missing_dots, "\"..\" below a directory that does not exist is refused") {
  Context context = attached_rootfs();
  EXPECT_REFUSED(carry_out(context, wire::MakeDirectoryStep{.path = "/missing/../x", .mode = 0755}),
                 "\"..\"");
  EXPECT_EQUAL(list(kRootfs), "");
}

TEST(dangling_chain, "dangling symbolic links are followed one after the other") {
  make_directory(in_root("/tmp"));
  make_directory(in_root("/etc"));
  make_link(in_root("/jump"), "/tmp/foo/bar");
  make_link(in_root("/etc/hosts"), "../jump/baz/hosts");
  write_file("/mnt/source", "text");
  Context context = attached_rootfs();
  EXPECT_DONE(
      carry_out(context, wire::BindMountStep{.source = "/mnt/source", .target = "/etc/hosts"}));
  EXPECT_EQUAL(read_file(in_root("/tmp/foo/bar/baz/hosts")), "text");
}

TEST(link_loop, "a loop of symbolic links is refused") {
  make_link(in_root("/a"), "b");
  make_link(in_root("/b"), "a");
  Context context = attached_rootfs();
  EXPECT_REFUSED(carry_out(context, tmpfs_at("/a/x")), "ELOOP");
}

TEST(created_modes, "what is created has exact modes, and inherits set-gid") {
  make_directory(in_root("/setgid"), 07755);
  Context context = attached_rootfs();
  EXPECT_DONE(carry_out(context, wire::MakeDirectoryStep{.path = "/setgid/a/b", .mode = 0755}));
  EXPECT_DONE(carry_out(context, wire::MakeDirectoryStep{.path = "/open", .mode = 01777}));
  EXPECT_EQUAL(look(in_root("/setgid/a")).stx_mode & 07777u, 02755u);
  EXPECT_EQUAL(look(in_root("/setgid/a/b")).stx_mode & 07777u, 02755u);
  EXPECT_EQUAL(look(in_root("/open")).stx_mode & 07777u, 01777u);
}

TEST(over_the_root, "a mount over the root becomes the root") {
  Context context = attached_rootfs();
  EXPECT_DONE(carry_out(context, tmpfs_at("/")));
  EXPECT_DONE(carry_out(context, wire::MakeDirectoryStep{.path = "/in-tmpfs", .mode = 0755}));
  EXPECT_DONE(carry_out(context, wire::PivotRootStep{}));
  EXPECT_EQUAL(list("/"), "in-tmpfs");
}

TEST(racing_exchange, "no exchange of a directory for a link leads outside (S35)") {
  make_directory(in_root("/vol"));
  make_directory(in_root("/vol/x"));
  make_link(in_root("/vol/xl"), kOutside);
  const pid_t racer = fork();
  if (racer == 0) {
    for (;;) {
      syscall(SYS_renameat2, AT_FDCWD, in_root("/vol/x").c_str(), AT_FDCWD,
              in_root("/vol/xl").c_str(), 2 /* RENAME_EXCHANGE */);
    }
  }
  for (int round = 0; round < 200; ++round) {
    Context context = attached_rootfs();
    const std::string target = "/vol/x/y" + std::to_string(round);
    // Refusals are as good as successes: what counts is where things end up.
    (void)carry_out(context, wire::MakeDirectoryStep{.path = target.c_str(), .mode = 0755});
    (void)carry_out(
        context, wire::MakeDeviceStep{
                     .path = "/vol/x/null", .type = S_IFCHR, .major = 1, .minor = 3, .mode = 0666});
    umount2(kRootfs, MNT_DETACH);
  }
  kill(racer, SIGKILL);
  waitpid(racer, nullptr, 0);
  EXPECT_EQUAL(list(kOutside), "");
}

}  // namespace
}  // namespace tsoci::tests
