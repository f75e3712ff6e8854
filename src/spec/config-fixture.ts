import { pointerSteps } from "./json-pointer";
import { parseConfig } from "./parse-config";

/** A document for tests: valid, and with one of nearly everything, so that a test changes one thing. */
const namespaces = ["pid", "network", "ipc", "uts", "mount", "user", "cgroup", "time"];

const base = {
  ociVersion: "1.3.0",
  root: { path: "rootfs", readonly: true },
  process: {
    terminal: true,
    consoleSize: { height: 24, width: 80 },
    user: { uid: 0, gid: 0, umask: 18, additionalGids: [5] },
    args: ["sh"],
    env: ["PATH=/bin", "EMPTY="],
    cwd: "/",
    capabilities: { bounding: ["CAP_KILL"], ambient: [] },
    rlimits: [
      { type: "RLIMIT_NOFILE", soft: 1024, hard: 4096 },
      { type: "RLIMIT_CORE", soft: 0, hard: 0 },
    ],
    oomScoreAdj: 100,
    scheduler: { policy: "SCHED_OTHER", nice: 5 },
    ioPriority: { class: "IOPRIO_CLASS_BE", priority: 4 },
    execCPUAffinity: { initial: "0-3,7", final: "" },
  },
  hostname: "box",
  domainname: "example",
  mounts: [
    { destination: "/proc", type: "proc", source: "proc" },
    { destination: "/data", source: "data", options: ["rbind", "ro"] },
    { destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["size=1m"] },
  ],
  hooks: { poststop: [{ path: "/bin/true", args: ["true"], env: ["A=b"], timeout: 5 }] },
  annotations: { "org.example.key": "value" },
  linux: {
    namespaces: namespaces.map((type) => ({ type })),
    uidMappings: [{ containerID: 0, hostID: 100000, size: 65536 }],
    gidMappings: [{ containerID: 0, hostID: 100000, size: 65536 }],
    timeOffsets: { monotonic: { secs: 1, nanosecs: 5 } },
    devices: [
      { type: "c", path: "/dev/fuse", major: 10, minor: 229, fileMode: 438, uid: 0, gid: 0 },
    ],
    netDevices: { eth0: { name: "lan0" } },
    cgroupsPath: "/test/box",
    resources: {
      devices: [{ allow: false, access: "rwm" }],
      memory: { limit: 1048576, swappiness: 60 },
      cpu: { quota: 50000, burst: 1000, period: 100000, cpus: "0-1", idle: 0 },
      pids: { limit: 10 },
      blockIO: {
        weightDevice: [{ major: 8, minor: 0, weight: 500 }],
        throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 600 }],
      },
      hugepageLimits: [{ pageSize: "2MB", limit: 0 }],
      network: { classID: 1, priorities: [{ name: "eth0", priority: 1 }] },
      rdma: { mlx5_1: { hcaHandles: 3 } },
      unified: { "memory.high": "max" },
    },
    rootfsPropagation: "slave",
    seccomp: {
      defaultAction: "SCMP_ACT_ERRNO",
      defaultErrnoRet: 1,
      architectures: ["SCMP_ARCH_X86_64"],
      flags: ["SECCOMP_FILTER_FLAG_LOG"],
      listenerPath: "/run/agent.sock",
      listenerMetadata: "text",
      syscalls: [
        {
          names: ["read"],
          action: "SCMP_ACT_ALLOW",
          args: [{ index: 5, value: 1, op: "SCMP_CMP_EQ" }],
        },
        { names: ["mknod"], action: "SCMP_ACT_NOTIFY" },
      ],
    },
    sysctl: { "net.ipv4.ip_forward": "1", "kernel/msgmax": "8192" },
    maskedPaths: ["/proc/kcore"],
    readonlyPaths: ["/proc/sys"],
    intelRdt: {
      closID: "gold",
      l3CacheSchema: "L3:0=f",
      memBwSchema: "MB:0=50",
      schemata: ["L2:0=f"],
    },
    memoryPolicy: { mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_STATIC_NODES"] },
    personality: { domain: "LINUX" },
  },
};

/** Removes the value instead of replacing it. */
export const absent = Symbol("absent");

/** A value as JSON text of its own, for what JSON.stringify would not write. */
export interface Raw {
  readonly raw: string;
}

export type Change = readonly [pointer: string, value: unknown];

const mark = "\u{10fffd}";

/** The fixture's text, two blanks of indent, after the changes. */
export function configText(...changes: readonly Change[]): string {
  const document: unknown = structuredClone(base);
  const raw: string[] = [];
  for (const [pointer, value] of changes) {
    const steps = [...pointerSteps(pointer)];
    const last = steps.pop() ?? "";
    let holder = document as Record<string, unknown>;
    for (const step of steps) holder = holder[step] as Record<string, unknown>;
    if (value === absent) {
      delete holder[last];
    } else if (typeof value === "object" && value !== null && "raw" in value) {
      raw.push(String(value.raw));
      holder[last] = `${mark}${raw.length - 1}`;
    } else {
      holder[last] = value;
    }
  }
  return JSON.stringify(document, null, 2).replace(
    new RegExp(`"${mark}(\\d+)"`, "gu"),
    (_, index) => raw[Number(index)] ?? "",
  );
}

/** What is wrong with the fixture after the changes. */
export function findingsAfter(
  ...changes: readonly Change[]
): readonly (readonly [pointer: string, message: string])[] {
  const parsed = parseConfig(new TextEncoder().encode(configText(...changes)));
  return parsed.ok ? [] : parsed.issues.map(({ pointer, message }) => [pointer, message]);
}

/** One change of the fixture, and the one issue that it makes: at the changed value unless said otherwise. */
export type Refused = readonly [pointer: string, value: unknown, message: string, at?: string];
