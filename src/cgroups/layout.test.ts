import { hierarchyKeys, parseCgroupLayout } from "./layout";

const line = (root: string, point: string, type: string, options: string) =>
  `32 31 0:29 ${root} ${point} rw,relatime shared:9 - ${type} ${type} ${options}\n`;

test("a host with v1 hierarchies is legacy, with v2 beside them in hybrid mode", () => {
  const layout = parseCgroupLayout(
    `22 27 0:21 / /proc rw - proc proc rw\n${line("/", "/sys/fs/cgroup/cpu,cpuacct", "cgroup", "rw,cpu,cpuacct")}${line("/", "/sys/fs/cgroup/systemd", "cgroup", "rw,xattr,name=systemd")}${line("/", "/sys/fs/cgroup/unified", "cgroup2", "rw,nsdelegate")}`,
  );

  expect(layout.mode).toBe("legacy");
  expect(layout.hierarchies.flatMap(hierarchyKeys)).toEqual(["cpu", "cpuacct", "name=systemd", ""]);
  expect(layout.hierarchies.map(({ mountPoint }) => mountPoint)).toEqual([
    "/sys/fs/cgroup/cpu,cpuacct",
    "/sys/fs/cgroup/systemd",
    "/sys/fs/cgroup/unified",
  ]);
});

test("a host with v2 alone is unified", () => {
  expect(parseCgroupLayout(line("/", "/sys/fs/cgroup", "cgroup2", "rw")).mode).toBe("unified");
});

test("a hierarchy that is mounted twice counts once, where it was mounted first", () => {
  const layout = parseCgroupLayout(
    line("/", "/sys/fs/cgroup/pids", "cgroup", "rw,pids") +
      line("/a", "/mnt/pids", "cgroup", "rw,pids"),
  );

  expect(layout.hierarchies.map(({ mountPoint }) => mountPoint)).toEqual(["/sys/fs/cgroup/pids"]);
});

test("a host without cgroups has none", () => {
  expect(parseCgroupLayout("22 27 0:21 / /proc rw - proc proc rw\n")).toEqual({
    mode: "none",
    hierarchies: [],
  });
});
