import { parseMountIds, parseMountRoots, parseMounts } from "./mounts";

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

test("for each mount point the topmost mount says what of its file system is seen", () => {
  const roots = parseMountRoots(
    `${mountinfo}34 30 0:5 /null /proc/kcore rw - devtmpfs d rw\n35 27 0:9 /x /mnt rw - ext4 d rw\n`,
  );

  expect(roots.get("/sys/fs/my resctrl")).toBe("/");
  expect(roots.get("/proc/kcore")).toBe("/null");
  expect(roots.get("/mnt")).toBe("/x");
  expect(roots.has("")).toBe(false);
});

test("the number of a mount is what its line begins with", () => {
  expect([...parseMountIds(mountinfo)]).toEqual([22, 30, 31, 32, 33]);
});
