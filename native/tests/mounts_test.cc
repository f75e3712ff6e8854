// Mounts: what mountinfo says of them after the step.
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "tests/harness.h"

namespace tsoci::tests {
namespace {

std::string in_root(const std::string& path) { return kRootfs + path; }

wire::MountFilesystemStep tmpfs_at(const char* target) {
  return {.type = "tmpfs", .source = "tmpfs", .target = target};
}

/// A directory of the host with a mount below it.
void make_volume() {
  make_directory("/mnt/volume");
  EXPECT(mount("tmpfs", "/mnt/volume", "tmpfs", 0, "mode=755") == 0);
  write_file("/mnt/volume/file", "text");
  make_directory("/mnt/volume/sub");
  EXPECT(mount("tmpfs", "/mnt/volume/sub", "tmpfs", 0, "mode=755") == 0);
}

wire::BindMountStep volume_at(const char* target) {
  return {.source = "/mnt/volume", .target = target, .recursive = 1};
}

TEST(tmpfs_attributes, "a tmpfs has the attributes and options of its step") {
  Context context = attached_rootfs();
  wire::MountFilesystemStep step = tmpfs_at("/t");
  step.options = strings({"size=64k,nr_inodes=20", "mode=1500"});
  step.attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOATIME;
  EXPECT_DONE(carry_out(context, step));

  const MountInfo mounted = mount_at(in_root("/t"));
  EXPECT_EQUAL(mounted.options, ",rw,nosuid,nodev,noexec,noatime,");
  EXPECT_EQUAL(mounted.super_options.substr(0, 37), ",rw,size=64k,nr_inodes=20,mode=1500,");
}

TEST(tmpfs_read_only, "MS_RDONLY makes the file system itself read-only") {
  Context context = attached_rootfs();
  wire::MountFilesystemStep step = tmpfs_at("/t");
  step.sb_flags = MS_RDONLY | MS_SILENT;
  step.attributes = MOUNT_ATTR_RDONLY;
  EXPECT_DONE(carry_out(context, step));
  EXPECT(mount_at(in_root("/t")).has("ro"));
  EXPECT_EQUAL(mount_at(in_root("/t")).super_options.substr(0, 4), ",ro,");
}

TEST(tmpfs_inherits_mode, "a tmpfs inherits the mode of the directory that it covers") {
  make_directory(in_root("/old"), 0710);
  Context context = attached_rootfs();
  EXPECT_DONE(carry_out(context, tmpfs_at("/old")));
  EXPECT_DONE(carry_out(context, tmpfs_at("/new/deep")));

  EXPECT_EQUAL(look(in_root("/old")).stx_mode & 07777u, 0710u);
  EXPECT(mount_at(in_root("/old")).super_options.find(",mode=710,") != std::string::npos);
  EXPECT_EQUAL(look(in_root("/new/deep")).stx_mode & 07777u, 01777u);
  EXPECT(mount_at(in_root("/new/deep")).super_options.find("mode=") == std::string::npos);
  EXPECT_EQUAL(look(in_root("/new")).stx_mode & 07777u, 0755u);
}

TEST(bad_option, "an unknown option is refused in the file system's own words") {
  Context context = attached_rootfs();
  wire::MountFilesystemStep step = tmpfs_at("/t");
  step.options = strings({"colour=red"});
  EXPECT_REFUSED(carry_out(context, step), "tmpfs: Unknown parameter 'colour'");
  EXPECT(!mount_at(in_root("/t")).there);
}

TEST(bad_type, "an unknown file system is refused") {
  Context context = attached_rootfs();
  EXPECT_REFUSED(carry_out(context, wire::MountFilesystemStep{.type = "nofs", .target = "/t"}),
                 "ENODEV");
}

TEST(long_value, "an option of more than 255 bytes is mounted too") {
  std::string lower = "lowerdir=";
  const std::string directory = std::string("/mnt/") + std::string(100, 'l');
  for (const char* suffix : {"1", "2", "3"}) {
    make_directory(directory + suffix);
    write_file(directory + suffix + "/" + suffix, "");
    lower += (lower.back() == '=' ? "" : ":") + directory + suffix;
  }
  Context context = attached_rootfs();
  wire::MountFilesystemStep step{.type = "overlay", .source = "overlay", .target = "/o"};
  step.options = strings({lower.c_str()});
  step.attributes = MOUNT_ATTR_NODEV | MOUNT_ATTR_NOATIME;
  EXPECT_DONE(carry_out(context, step));

  EXPECT_EQUAL(list(in_root("/o")), "1 2 3");
  EXPECT_EQUAL(mount_at(in_root("/o")).count, 1u);
  EXPECT(mount_at(in_root("/o")).has("nodev"));
  EXPECT(mount_at(in_root("/o")).has("noatime"));
}

TEST(propagation_of_mount, "a mount gets the propagation of its step") {
  Context context = attached_rootfs();
  wire::MountFilesystemStep step = tmpfs_at("/t");
  step.propagation = numbers({MS_SHARED});
  EXPECT_DONE(carry_out(context, step));
  EXPECT_EQUAL(mount_at(in_root("/t")).tags.substr(0, 7), "shared:");

  make_volume();
  wire::BindMountStep bind = volume_at("/b");
  bind.propagation = numbers({MS_SHARED | MS_REC, MS_PRIVATE});
  EXPECT_DONE(carry_out(context, bind));
  EXPECT_EQUAL(mount_at(in_root("/b")).tags, "");
  EXPECT_EQUAL(mount_at(in_root("/b/sub")).tags.substr(0, 7), "shared:");
}

TEST(proc_link, "/proc that is a symbolic link is refused (S01)") {
  make_directory(in_root("/bad"));
  make_link(in_root("/proc"), "/bad");
  make_link(in_root("/sys"), "/missing");
  Context context = attached_rootfs();
  wire::MountFilesystemStep proc{.type = "proc", .source = "proc", .target = "/proc"};
  proc.plain_directory = 1;
  EXPECT_REFUSED(carry_out(context, proc), "must be mounted on ordinary directory");
  wire::MountFilesystemStep sysfs{.type = "sysfs", .source = "sysfs", .target = "/sys"};
  sysfs.plain_directory = 1;
  EXPECT_REFUSED(carry_out(context, sysfs), "must be mounted on ordinary directory");
  EXPECT_EQUAL(list(kRootfs), "bad proc sys");
}

TEST(inside_proc, "nothing is mounted inside /proc unless the plan allows it (S03-S05)") {
  Context context = attached_rootfs();
  wire::MountFilesystemStep proc{.type = "proc", .source = "proc", .target = "/proc"};
  proc.plain_directory = 1;
  EXPECT_DONE(carry_out(context, proc));
  make_link(in_root("/link"), "/proc/sys");
  write_file("/mnt/fake", "fake");

  EXPECT_REFUSED(carry_out(context, tmpfs_at("/proc")), "inside /proc");
  EXPECT_REFUSED(carry_out(context, tmpfs_at("/link")), "inside /proc");
  wire::BindMountStep bind{.source = "/mnt/fake", .target = "/proc/uptime"};
  EXPECT_REFUSED(carry_out(context, bind), "inside /proc");
  bind.inside_proc = 1;
  EXPECT_DONE(carry_out(context, bind));
  EXPECT_EQUAL(read_file(in_root("/proc/uptime")), "fake");
  EXPECT_DONE(carry_out(context, proc));
}

TEST(require_proc, "only a procfs is bound on /proc") {
  make_volume();
  Context context = attached_rootfs();
  wire::BindMountStep bind = volume_at("/proc");
  bind.require_proc = 1;
  EXPECT_REFUSED(carry_out(context, bind), "is not of type proc");
  bind.source = "/proc";
  EXPECT_DONE(carry_out(context, bind));
  EXPECT_EQUAL(mount_at(in_root("/proc")).type, "proc");
}

TEST(bind_attributes, "a bind mount has the attributes that are named, and only those") {
  make_volume();
  EXPECT(mount(nullptr, "/mnt/volume", nullptr,
               MS_BIND | MS_REMOUNT | MS_NOSUID | MS_NOEXEC | MS_NOATIME, nullptr) == 0);
  Context context = attached_rootfs();
  EXPECT_DONE(carry_out(context, volume_at("/kept")));
  wire::BindMountStep replaced = volume_at("/replaced");
  replaced.replace_attributes = 1;
  replaced.attributes_set = MOUNT_ATTR_RDONLY;
  EXPECT_DONE(carry_out(context, replaced));
  wire::BindMountStep times = volume_at("/times");
  times.replace_attributes = 1;
  times.attributes_set = MOUNT_ATTR_NODIRATIME;
  EXPECT_DONE(carry_out(context, times));
  wire::BindMountStep added = volume_at("/added");
  added.attributes_set = MOUNT_ATTR_NODEV;
  EXPECT_DONE(carry_out(context, added));

  EXPECT_EQUAL(mount_at(in_root("/kept")).options, ",rw,nosuid,noexec,noatime,");
  EXPECT_EQUAL(mount_at(in_root("/replaced")).options, ",ro,noatime,");
  EXPECT_EQUAL(mount_at(in_root("/replaced/sub")).options, ",rw,relatime,");
  EXPECT_EQUAL(mount_at(in_root("/times")).options, ",rw,nodiratime,relatime,");
  EXPECT_EQUAL(mount_at(in_root("/added")).options, ",rw,nosuid,nodev,noexec,noatime,");
}

TEST(recursive_attributes, "recursive attributes reach the mounts below") {
  make_volume();
  Context context = attached_rootfs();
  wire::BindMountStep step = volume_at("/v");
  step.recursive_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOATIME;
  EXPECT_DONE(carry_out(context, step));
  EXPECT_EQUAL(mount_at(in_root("/v")).options, ",ro,noatime,");
  EXPECT_EQUAL(mount_at(in_root("/v/sub")).options, ",ro,noatime,");
  EXPECT_EQUAL(mount_at("/mnt/volume/sub").options, ",rw,relatime,");
}

TEST(not_recursive, "a bind mount that is not recursive leaves the mounts below behind") {
  make_volume();
  Context context = attached_rootfs();
  wire::BindMountStep step = volume_at("/v");
  step.recursive = 0;
  EXPECT_DONE(carry_out(context, step));
  EXPECT(!mount_at(in_root("/v/sub")).there);
}

TEST(opened_by_driver, "a tree that the driver opened is attached as it is, and keeps attributes") {
  make_volume();
  EXPECT(mount(nullptr, "/mnt/volume", nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr) == 0);
  driver().mount_source = "/mnt/volume";
  Context context = attached_rootfs();
  wire::BindMountStep step = volume_at("/v");
  step.source = "/nowhere";
  step.opened_by_driver = 1;
  step.attributes_set = MOUNT_ATTR_NOSUID;
  EXPECT_DONE(carry_out(context, step));
  EXPECT_EQUAL(mount_at(in_root("/v")).options, ",ro,nosuid,relatime,");
  EXPECT_EQUAL(read_file(in_root("/v/file")), "text");
  EXPECT(!mount_at(in_root("/v/sub")).there);
}

TEST(driver_opened_nothing, "a reply without a tree is refused") {
  Context context = attached_rootfs();
  wire::BindMountStep step = volume_at("/v");
  step.opened_by_driver = 1;
  EXPECT_REFUSED(carry_out(context, step), "the driver opened nothing for \"/mnt/volume\"");
  EXPECT(!exists(in_root("/v")));
}

TEST(mismatch, "a directory is not bound on a file, nor a file on a directory") {
  make_volume();
  write_file(in_root("/file"), "");
  make_directory(in_root("/directory"));
  Context context = attached_rootfs();
  EXPECT_REFUSED(carry_out(context, volume_at("/file")), "ENOTDIR");
  EXPECT_REFUSED(
      carry_out(context, wire::BindMountStep{.source = "/mnt/volume/file", .target = "/directory"}),
      "is a directory, and the source is not");
}

TEST(locked_attributes, "locked attributes stay, and taking one back by name is refused") {
  make_volume();
  EXPECT(mount(nullptr, "/mnt/volume", nullptr,
               MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOEXEC | MS_NOATIME, nullptr) == 0);
  in_user_namespace([] {
    Context context = attached_rootfs();
    wire::BindMountStep step = volume_at("/v");
    step.replace_attributes = 1;
    step.attributes_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
    EXPECT_DONE(carry_out(context, step));
    EXPECT_EQUAL(mount_at(in_root("/v")).options, ",ro,nosuid,nodev,noexec,noatime,");

    step.target = "/w";
    step.attributes_clear = MOUNT_ATTR_RDONLY;
    EXPECT_REFUSED(carry_out(context, step), "EPERM");
    step.attributes_clear = MOUNT_ATTR__ATIME;
    EXPECT_REFUSED(carry_out(context, step), "EPERM");
    step.attributes_clear = MOUNT_ATTR__ATIME;
    step.attributes_set = MOUNT_ATTR_NOATIME;
    EXPECT_DONE(carry_out(context, step));
  });
}

TEST(remount, "a remount changes what it names and leaves the rest") {
  Context context = attached_rootfs();
  wire::MountFilesystemStep step = tmpfs_at("/t");
  step.attributes = MOUNT_ATTR_NOSUID;
  step.options = strings({"size=64k"});
  EXPECT_DONE(carry_out(context, step));

  wire::RemountStep remount{.target = "/t"};
  remount.options = strings({"size=128k"});
  remount.sb_flags = MS_RDONLY;
  remount.attributes_set = MOUNT_ATTR_RDONLY;
  EXPECT_DONE(carry_out(context, remount));
  EXPECT_EQUAL(mount_at(in_root("/t")).options, ",ro,nosuid,relatime,");
  EXPECT_EQUAL(mount_at(in_root("/t")).super_options.substr(0, 14), ",ro,size=128k,");

  wire::RemountStep back{.target = "/t", .attributes_clear = MOUNT_ATTR_RDONLY};
  EXPECT_DONE(carry_out(context, back));
  EXPECT_EQUAL(mount_at(in_root("/t")).super_options.substr(0, 4), ",rw,");

  wire::RemountStep bind{.target = "/t", .bind = 1, .attributes_set = MOUNT_ATTR_RDONLY};
  EXPECT_DONE(carry_out(context, bind));
  EXPECT_EQUAL(mount_at(in_root("/t")).options, ",ro,nosuid,relatime,");
  EXPECT_EQUAL(mount_at(in_root("/t")).super_options.substr(0, 4), ",rw,");

  EXPECT_DONE(carry_out(context, wire::MakeDirectoryStep{.path = "/plain", .mode = 0755}));
  bind.target = "/plain";
  EXPECT_REFUSED(carry_out(context, bind), "is not a mount point");
}

TEST(idmapped, "an id-mapped bind mount shows other owners, its mounts below only with ridmap") {
  make_volume();
  EXPECT(chown("/mnt/volume/file", 5, 6) == 0);
  write_file("/mnt/volume/sub/file", "");
  const UniqueFd userns = make_userns(5000);
  Context context = attached_rootfs();
  wire::BindMountStep step = volume_at("/one");
  step.idmap_fd = userns.get();
  const Result<void> mapped = carry_out(context, step);
  if (!mapped && mapped.error().number == EINVAL)
    skip("tmpfs takes no id mapping before Linux 6.3");
  EXPECT_DONE(mapped);
  step.target = "/all";
  step.idmap_recursive = 1;
  EXPECT_DONE(carry_out(context, step));

  EXPECT_EQUAL(look(in_root("/one/file")).stx_uid, 5005u);
  EXPECT_EQUAL(look(in_root("/one/file")).stx_gid, 5006u);
  EXPECT_EQUAL(look(in_root("/one/sub/file")).stx_uid, 0u);
  EXPECT_EQUAL(look(in_root("/all/sub/file")).stx_uid, 5000u);
}

TEST(copy_up, "tmpcopyup begins with what the directory holds") {
  make_directory(in_root("/d"), 0751);
  EXPECT(chown(in_root("/d").c_str(), 7, 8) == 0);
  make_directory(in_root("/d/sub"), 01777);
  write_file(in_root("/d/sub/file"), std::string(100000, 'x'));
  EXPECT(chown(in_root("/d/sub/file").c_str(), 5, 6) == 0);
  EXPECT(chmod(in_root("/d/sub/file").c_str(), 04755) == 0);
  make_link(in_root("/d/link"), "/mnt/outside/x");
  EXPECT(mkfifo(in_root("/d/fifo").c_str(), 0600) == 0);
  EXPECT(mknod(in_root("/d/null").c_str(), S_IFCHR | 0640, makedev(1, 3)) == 0);
  Context context = attached_rootfs();

  wire::MountFilesystemStep step = tmpfs_at("/d");
  step.copy_up = 1;
  step.sb_flags = MS_RDONLY;
  step.attributes = MOUNT_ATTR_RDONLY;
  EXPECT_DONE(carry_out(context, step));

  EXPECT(mount_at(in_root("/d")).has("ro"));
  EXPECT_EQUAL(mount_at(in_root("/d")).super_options.substr(0, 4), ",ro,");
  EXPECT_EQUAL(list(in_root("/d")), "fifo link null sub");
  EXPECT_EQUAL(look(in_root("/d")).stx_mode & 07777u, 0751u);
  EXPECT_EQUAL(look(in_root("/d")).stx_uid, 7u);
  EXPECT_EQUAL(look(in_root("/d/sub")).stx_mode & 07777u, 01777u);
  EXPECT_EQUAL(look(in_root("/d/sub/file")).stx_mode & 07777u, 04755u);
  EXPECT_EQUAL(look(in_root("/d/sub/file")).stx_uid, 5u);
  EXPECT_EQUAL(read_file(in_root("/d/sub/file")), std::string(100000, 'x'));
  EXPECT(sys::is_null_device(look(in_root("/d/null"))));
  EXPECT(S_ISFIFO(look(in_root("/d/fifo")).stx_mode));
  EXPECT(S_ISLNK(look(in_root("/d/link")).stx_mode));
}

TEST(copy_up_deep, "a tree as deep as may be is copied with few descriptors") {
  std::string path = in_root("/d");
  make_directory(path);
  for (int level = 0; level < 100; ++level) make_directory(path += "/d");
  write_file(path + "/file", "text");
  const rlimit few{256, 256};
  EXPECT(setrlimit(RLIMIT_NOFILE, &few) == 0);
  Context context = attached_rootfs();
  wire::MountFilesystemStep step = tmpfs_at("/d");
  step.copy_up = 1;
  EXPECT_DONE(carry_out(context, step));
  EXPECT_EQUAL(read_file(path + "/file"), "text");
  EXPECT(look(path + "/file").stx_mnt_id == look(in_root("/d")).stx_mnt_id);
}

}  // namespace
}  // namespace tsoci::tests
