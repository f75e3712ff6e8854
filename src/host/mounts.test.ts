import { parseMounts } from "./mounts";

const mountinfo = `22 27 0:21 / /proc rw,nosuid shared:5 - proc proc rw
30 27 0:30 / /sys/fs/my\\040resctrl rw,relatime shared:9 - resctrl resctrl rw
31 27 0:30 /gold /mnt rw - resctrl resctrl rw
32 27 0:31 / /sys/fs/selinux ro,relatime shared:10 - selinuxfs selinuxfs rw
33 27 0:31 / /other rw - selinuxfs a - b ro,x
`;

test("mounts of a type are found by what mountinfo says behind its separator", () => {
  expect(parseMounts(mountinfo, "resctrl")).toEqual([
    { root: "/", mountPoint: "/sys/fs/my resctrl", readOnly: false },
    { root: "/gold", mountPoint: "/mnt", readOnly: false },
  ]);
  expect(parseMounts(mountinfo, "ext4")).toEqual([]);
});

test("a mount is read-only when it is, or its file system", () => {
  expect(parseMounts(mountinfo, "selinuxfs").map(({ readOnly }) => readOnly)).toEqual([true, true]);
});
