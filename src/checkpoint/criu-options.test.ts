import {
  type CheckpointSettings,
  type DumpedContainer,
  dumpOptions,
  logPath,
  type RestoredContainer,
  type RestoreSettings,
  restoreOptions,
} from "./criu-options";
import { lastErrors } from "./log";
import { criuCodec } from "./rpc";

const common = {
  imageDir: "/images",
  tcpEstablished: false,
  tcpClose: false,
  externalUnixSockets: false,
  shellJob: false,
  fileLocks: false,
  lazyPages: false,
  autoDedup: false,
  emptyNamespaces: [],
} as const;

const checkpoint: CheckpointSettings = {
  ...common,
  leaveRunning: false,
  preDump: false,
  tcpSkipInFlight: false,
  linkRemap: false,
};

const container: DumpedContainer = {
  pid: 42,
  rootfs: "/bundle/rootfs",
  freezerDir: "/sys/fs/cgroup/freezer/web",
  boundMounts: [{ mountPoint: "/run/secrets", name: "/var/run/secrets" }],
  maskedFiles: ["/proc/kcore"],
  outsideNamespaces: [],
  streams: ["/dev/null", "pipe:[7]", "/dev/pts/0"],
  configFile: undefined,
};

const restored: RestoredContainer = {
  root: "/run/tsoci/web/rootfs",
  mounts: [{ target: "/var/run/secrets", source: "/bundle/secrets" }],
  joinedNamespaces: [],
  streams: ["/dev/null", "pipe:[7]", "/dev/pts/0"],
  configFile: undefined,
};

const directories = { imagesDirFd: 5, workDirFd: 6 };
const dump = (settings: Partial<CheckpointSettings> = {}, of: Partial<DumpedContainer> = {}) =>
  dumpOptions({ ...checkpoint, ...settings }, { ...container, ...of }, directories);
const restore = (settings: Partial<RestoreSettings> = {}, of: Partial<RestoredContainer> = {}) =>
  restoreOptions({ ...common, ...settings }, { ...restored, ...of }, directories, 4);

test("what is asked for by no flag is what every dump has", () => {
  expect(dump()).toEqual({
    imagesDirFd: 5,
    workDirFd: 6,
    pid: 42,
    root: "/bundle/rootfs",
    logLevel: 4,
    logFile: "dump.log",
    notifyScripts: true,
    manageCgroups: true,
    orphanPtsMaster: true,
    freezeCgroup: "/sys/fs/cgroup/freezer/web",
    extMnt: [
      { key: "/run/secrets", val: "/var/run/secrets" },
      { key: "/proc/kcore", val: "/dev/null" },
    ],
    external: [],
    leaveRunning: false,
    tcpEstablished: false,
    tcpClose: false,
    tcpSkipInFlight: false,
    linkRemap: false,
    extUnixSk: false,
    shellJob: false,
    fileLocks: false,
    lazyPages: false,
    autoDedup: false,
  });
});

test.each<[Partial<CheckpointSettings>, object]>([
  [{ tcpEstablished: true }, { tcpEstablished: true }],
  [{ tcpClose: true }, { tcpClose: true }],
  [{ tcpSkipInFlight: true }, { tcpSkipInFlight: true }],
  [{ externalUnixSockets: true }, { extUnixSk: true }],
  [
    { shellJob: true, fileLocks: true },
    { shellJob: true, fileLocks: true },
  ],
  [
    { linkRemap: true, autoDedup: true },
    { linkRemap: true, autoDedup: true },
  ],
  [{ leaveRunning: true }, { leaveRunning: true }],
  [
    { lazyPages: true, statusFd: 9 },
    { lazyPages: true, statusFd: 9 },
  ],
  [{ pageServer: { address: "::1", port: 80 } }, { ps: { address: "::1", port: 80 } }],
  [{ manageCgroupsMode: "ignore" }, { manageCgroupsMode: "IGNORE", manageCgroups: true }],
  [{ networkLock: "nftables" }, { networkLock: "NFTABLES" }],
  // CLONE_NEWNET.
  [{ emptyNamespaces: ["network"] }, { emptyNs: 0x40000000 }],
  // Only against what came before can changes of memory be told.
  [{ parentPath: "../first" }, { parentImg: "../first", trackMem: true }],
])("the settings %j become %j", (settings, expected) => {
  expect(dump(settings)).toMatchObject(expected);
});

test("a dump of memory alone names no mounts", () => {
  expect(dump({ preDump: true })).not.toHaveProperty("extMnt");
});

test("a namespace from outside has its number in a dump, and a descriptor in a restore", () => {
  const external = dump({}, { outsideNamespaces: [{ type: "network", inode: "4026531840" }] });
  const { inheritFd, joinNs } = restore(
    {},
    {
      streams: [],
      joinedNamespaces: [
        { type: "ipc", path: "/i", index: 0 },
        { type: "network", path: "/n", index: 1 },
        { type: "pid", path: "/p", index: 2 },
      ],
    },
  );

  expect(external.external).toEqual(["net[4026531840]:extRootNetNS"]);
  expect(inheritFd).toEqual([
    { key: "extRootNetNS", fd: 4 },
    { key: "extRootPidNS", fd: 5 },
  ]);
  expect(joinNs).toEqual([{ ns: "ipc", nsFile: "/i" }]);
});

test("a fifo or file of the host is named once in a dump, and the caller's are taken for it", () => {
  const streams = ["file[1f:12]", "file[1f:13]", "file[1f:13]"];
  const { inheritFd, skipFileRwxCheck } = restore({}, { streams });

  expect(dump({}, { streams }).external).toEqual(["file[1f:12]", "file[1f:13]"]);
  expect(inheritFd).toEqual(streams.map((key, fd) => ({ key, fd })));
  expect(skipFileRwxCheck).toBe(true);
  expect(restore()).not.toHaveProperty("skipFileRwxCheck");
});

test("a restore mounts by the names of the dump, and takes only pipes from the caller", () => {
  expect(restore({ lsmProfile: "apparmor:web", lsmMountContext: "label" })).toMatchObject({
    root: "/run/tsoci/web/rootfs",
    logFile: "restore.log",
    rstSibling: true,
    evasiveDevices: true,
    extMnt: [
      { key: "/var/run/secrets", val: "/bundle/secrets" },
      { key: "/dev/null", val: "/dev/null" },
    ],
    inheritFd: [{ key: "pipe:[7]", fd: 1 }],
    lsmProfile: "apparmor:web",
    lsmMountContext: "label",
  });
});

test("a configuration file is named only when there is one", () => {
  expect(dump()).not.toHaveProperty("configFile");
  expect(dump({}, { configFile: "/c" })).toMatchObject({ configFile: "/c" });
  expect(restore({}, { configFile: "/c" })).toMatchObject({ configFile: "/c" });
});

test("every option is one that the messages have", () => {
  const { encode } = criuCodec();
  const bare = encode({ type: "DUMP", opts: { imagesDirFd: 5 } }).length;

  expect(encode({ type: "DUMP", opts: dump() }).length).toBeGreaterThan(bare + 100);
  expect(encode({ type: "RESTORE", opts: restore() }).length).toBeGreaterThan(bare + 100);
});

test("the log is in the work directory, or with the images", () => {
  expect(logPath(common, "dump")).toBe("/images/dump.log");
  expect(logPath({ ...common, workDir: "/work" }, "restore")).toBe("/work/restore.log");
});

test("of a log only the last complaints are told, without time and place", () => {
  const complaint = (number: number) => `(00.01)     7: Error (criu/x.c:${number}): no ${number} `;
  const lines = ["(00.00) Warn  (criu/a.c:1): careful", ...[1, 2, 3, 4, 5].map(complaint), ""];

  expect(lastErrors(lines.join("\n"))).toBe("no 2; no 3; no 4; no 5");
  expect(lastErrors("(00.00) all is well\n")).toBe("");
});
