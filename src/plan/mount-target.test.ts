import { targetOf } from "./mount-target";

const target = (destination: string, rootfsPath = "/bundle/rootfs") =>
  targetOf({ options: { rootfsPath } } as Parameters<typeof targetOf>[0], { destination });

test.each([
  ["/tmp", "/tmp"],
  ["tmp//a/../b", "/tmp/b"],
  ["/bundle/rootfs/tmp", "/tmp"],
  ["/bundle/rootfs", "/"],
  ["/bundle/rootfs-2/tmp", "/bundle/rootfs-2/tmp"],
  // The rules have not seen these as places in /proc.
  ["/bundle/rootfs/proc", "/bundle/rootfs/proc"],
  ["/bundle/rootfs/proc/self", "/bundle/rootfs/proc/self"],
])("%s is %s in the container", (destination, expected) => {
  expect(target(destination)).toBe(expected);
});

test("of a rootfs that is the host's root every path is one inside", () => {
  expect(target("/tmp", "/")).toBe("/tmp");
});
