import { mistakeInRecord } from "./record-shape";

const record = {
  id: "box",
  init_process_pid: 7,
  init_process_start: 700,
  created: "2026-01-01T00:00:00Z",
  rootless: false,
  cgroup_paths: { "": "/sys/fs/cgroup/box" },
  namespace_paths: { NEWPID: "/proc/7/ns/pid" },
  external_descriptors: [],
  config: { rootfs: "/box/rootfs", labels: [] },
  tsoci: {
    bundle: "/box",
    ociVersion: "1.3.0",
    bootId: "id",
    createdCgroups: ["/sys/fs/cgroup/box"],
    ownPidNamespace: true,
    joinedNamespaces: [],
    boundPaths: [],
    maskedPaths: [],
    hasProcess: true,
    hooks: { poststart: [], poststop: [{ path: "/bin/true" }] },
    afterStart: { first: 1, steps: [] },
  },
};

test("a record of ours is one", () => {
  expect(mistakeInRecord(record, "box")).toBeUndefined();
});

test.each([
  [undefined, "it is not a record of tsoci"],
  [null, "it is not a record of tsoci"],
  [[], "it is not a record of tsoci"],
  [{}, '"id" is missing, and must be "box"'],
  [{ ...record, id: "other" }, '"id" is "other", and must be "box"'],
  [{ ...record, tsoci: undefined }, '"tsoci" is not as tsoci writes it'],
  [{ ...record, cgroup_paths: { cpu: 7 } }, '"cgroup_paths" is not as tsoci writes it'],
  [{ ...record, config: { labels: [] } }, '"config.rootfs" is not as tsoci writes it'],
  [
    { ...record, tsoci: { ...record.tsoci, createdCgroups: [7] } },
    '"tsoci.createdCgroups" is not as tsoci writes it',
  ],
  [
    { ...record, tsoci: { ...record.tsoci, hooks: { poststart: [] } } },
    '"tsoci.hooks.poststop" is not as tsoci writes it',
  ],
])("%j is none: %s", (value, mistake) => {
  expect(mistakeInRecord(value, "box")).toBe(mistake);
});
