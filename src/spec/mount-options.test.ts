import * as k from "./kernel-constants";
import {
  isBindMount,
  type MountOptions,
  mountOptionNames,
  parseMountOptions,
} from "./mount-options";

const nothing: MountOptions = {
  sbFlagsSet: 0,
  sbFlagsClear: 0,
  attrSet: 0n,
  attrClear: 0n,
  recSet: 0n,
  recClear: 0n,
  propagation: [],
  bind: "no",
  remount: false,
  copyUp: false,
  idmap: "no",
  data: [],
};

const atime = k.MOUNT_ATTR__ATIME;

/** config-linux's 61 options and `rnodev`: what each asks for when it stands alone. */
const table: Readonly<Record<string, Partial<MountOptions>>> = {
  async: { sbFlagsClear: k.MS_SYNCHRONOUS },
  atime: { attrClear: k.MOUNT_ATTR_NOATIME },
  bind: { bind: "bind" },
  defaults: {},
  dev: { attrClear: k.MOUNT_ATTR_NODEV },
  diratime: { attrClear: k.MOUNT_ATTR_NODIRATIME },
  dirsync: { sbFlagsSet: k.MS_DIRSYNC },
  exec: { attrClear: k.MOUNT_ATTR_NOEXEC },
  idmap: { idmap: "idmap" },
  iversion: { sbFlagsSet: k.MS_I_VERSION },
  lazytime: { sbFlagsSet: k.MS_LAZYTIME },
  loud: { sbFlagsClear: k.MS_SILENT },
  mand: { sbFlagsSet: k.MS_MANDLOCK },
  noatime: { attrSet: k.MOUNT_ATTR_NOATIME, attrClear: atime },
  nodev: { attrSet: k.MOUNT_ATTR_NODEV },
  nodiratime: { attrSet: k.MOUNT_ATTR_NODIRATIME },
  noexec: { attrSet: k.MOUNT_ATTR_NOEXEC },
  noiversion: { sbFlagsClear: k.MS_I_VERSION },
  nolazytime: { sbFlagsClear: k.MS_LAZYTIME },
  nomand: { sbFlagsClear: k.MS_MANDLOCK },
  norelatime: { attrClear: k.MOUNT_ATTR_RELATIME },
  nostrictatime: { attrClear: k.MOUNT_ATTR_STRICTATIME },
  nosuid: { attrSet: k.MOUNT_ATTR_NOSUID },
  nosymfollow: { attrSet: k.MOUNT_ATTR_NOSYMFOLLOW },
  private: { propagation: [k.MS_PRIVATE] },
  ratime: { recClear: atime },
  rbind: { bind: "rbind" },
  rdev: { recClear: k.MOUNT_ATTR_NODEV },
  rdiratime: { recClear: k.MOUNT_ATTR_NODIRATIME },
  relatime: { attrClear: atime },
  remount: { remount: true },
  rexec: { recClear: k.MOUNT_ATTR_NOEXEC },
  ridmap: { idmap: "ridmap" },
  rnoatime: { recSet: k.MOUNT_ATTR_NOATIME, recClear: atime },
  rnodev: { recSet: k.MOUNT_ATTR_NODEV },
  rnodiratime: { recSet: k.MOUNT_ATTR_NODIRATIME },
  rnoexec: { recSet: k.MOUNT_ATTR_NOEXEC },
  rnorelatime: { recClear: atime },
  rnostrictatime: { recClear: atime },
  rnosuid: { recSet: k.MOUNT_ATTR_NOSUID },
  rnosymfollow: { recSet: k.MOUNT_ATTR_NOSYMFOLLOW },
  ro: { sbFlagsSet: k.MS_RDONLY, attrSet: k.MOUNT_ATTR_RDONLY },
  rprivate: { propagation: [k.MS_PRIVATE | k.MS_REC] },
  rrelatime: { recClear: atime },
  rro: { recSet: k.MOUNT_ATTR_RDONLY },
  rrw: { recClear: k.MOUNT_ATTR_RDONLY },
  rshared: { propagation: [k.MS_SHARED | k.MS_REC] },
  rslave: { propagation: [k.MS_SLAVE | k.MS_REC] },
  rstrictatime: { recSet: k.MOUNT_ATTR_STRICTATIME, recClear: atime },
  rsuid: { recClear: k.MOUNT_ATTR_NOSUID },
  rsymfollow: { recClear: k.MOUNT_ATTR_NOSYMFOLLOW },
  runbindable: { propagation: [k.MS_UNBINDABLE | k.MS_REC] },
  rw: { sbFlagsClear: k.MS_RDONLY, attrClear: k.MOUNT_ATTR_RDONLY },
  shared: { propagation: [k.MS_SHARED] },
  silent: { sbFlagsSet: k.MS_SILENT },
  slave: { propagation: [k.MS_SLAVE] },
  strictatime: { attrSet: k.MOUNT_ATTR_STRICTATIME, attrClear: atime },
  suid: { attrClear: k.MOUNT_ATTR_NOSUID },
  symfollow: { attrClear: k.MOUNT_ATTR_NOSYMFOLLOW },
  sync: { sbFlagsSet: k.MS_SYNCHRONOUS },
  tmpcopyup: { copyUp: true },
  unbindable: { propagation: [k.MS_UNBINDABLE] },
};

test.each(Object.entries(table))("%s", (option, effect) => {
  expect(parseMountOptions([option])).toEqual({ ...nothing, ...effect });
});

test("the table has the specification's 61 options and rnodev, and no other", () => {
  expect(mountOptionNames()).toEqual(Object.keys(table).sort());
  expect(mountOptionNames()).toHaveLength(62);
});

test("what the table does not know is the file system's, in order, whatever it is called", () => {
  expect(parseMountOptions(["mode=755", "acl", "RO", "", "toString", "__proto__"])).toEqual({
    ...nothing,
    data: ["mode=755", "acl", "RO", "", "toString", "__proto__"],
  });
});

const sequences: readonly (readonly [options: string, effect: Partial<MountOptions>])[] = [
  ["ro,rw", { sbFlagsClear: k.MS_RDONLY, attrClear: k.MOUNT_ATTR_RDONLY }],
  ["rw,ro", { sbFlagsSet: k.MS_RDONLY, attrSet: k.MOUNT_ATTR_RDONLY }],
  ["nodev,noexec,dev", { attrSet: k.MOUNT_ATTR_NOEXEC, attrClear: k.MOUNT_ATTR_NODEV }],
  ["sync,async", { sbFlagsClear: k.MS_SYNCHRONOUS }],
  ["noatime,strictatime", { attrSet: k.MOUNT_ATTR_STRICTATIME, attrClear: atime }],
  ["strictatime,relatime", { attrClear: atime }],
  ["noatime,atime", { attrClear: k.MOUNT_ATTR_NOATIME }],
  ["relatime,atime", { attrClear: atime }],
  // Only what was asked for can be taken back.
  ["noatime,nostrictatime", { attrSet: k.MOUNT_ATTR_NOATIME, attrClear: atime }],
  [
    "rnoatime,rstrictatime,rro,rrw",
    { recSet: k.MOUNT_ATTR_STRICTATIME, recClear: atime | k.MOUNT_ATTR_RDONLY },
  ],
  [
    "noatime,nodiratime",
    { attrSet: k.MOUNT_ATTR_NOATIME | k.MOUNT_ATTR_NODIRATIME, attrClear: atime },
  ],
  ["rbind,bind", { bind: "rbind" }],
  ["bind,rbind", { bind: "rbind" }],
  ["rprivate,shared", { propagation: [k.MS_PRIVATE | k.MS_REC, k.MS_SHARED] }],
  ["idmap,ridmap", { idmap: "ridmap" }],
  [
    "bind,remount,ro,rnosuid",
    {
      bind: "bind",
      remount: true,
      sbFlagsSet: k.MS_RDONLY,
      attrSet: k.MOUNT_ATTR_RDONLY,
      recSet: k.MOUNT_ATTR_NOSUID,
    },
  ],
];

test.each(sequences)("%s", (options, effect) => {
  expect(parseMountOptions(options.split(","))).toEqual({ ...nothing, ...effect });
});

test("only the options make a bind mount", () => {
  expect(isBindMount(["ro", "rbind"])).toBe(true);
  expect(isBindMount(["ro"])).toBe(false);
  expect(isBindMount(undefined)).toBe(false);
});
