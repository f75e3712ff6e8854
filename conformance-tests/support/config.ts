/** The part of config.json that tests write. Loose on purpose: tests also write what is wrong. */
export interface Config {
  ociVersion: string;
  root?: { path: string; readonly?: boolean };
  process?: Process;
  hostname?: string;
  domainname?: string;
  mounts: Mount[];
  hooks?: { [kind in HookKind]?: Hook[] };
  annotations?: Record<string, string>;
  linux: Linux;
}

export const hookKinds = [
  "prestart",
  "createRuntime",
  "createContainer",
  "startContainer",
  "poststart",
  "poststop",
] as const;
export type HookKind = (typeof hookKinds)[number];

export interface Hook {
  path: string;
  args?: string[];
  env?: string[];
  timeout?: number;
}

export interface IdMapping {
  containerID: number;
  hostID: number;
  size: number;
}

export interface Mount {
  destination: string;
  type?: string;
  source?: string;
  options?: string[];
  uidMappings?: IdMapping[];
  gidMappings?: IdMapping[];
}

export interface Namespace {
  type: string;
  path?: string;
}

export interface Process {
  args?: string[];
  cwd: string;
  env?: string[];
  terminal?: boolean;
  consoleSize?: { height: number; width: number };
  user: { uid: number; gid: number; umask?: number; additionalGids?: number[] };
  capabilities?: { [set in CapabilitySet]?: string[] };
  rlimits?: { type: string; soft: number; hard: number }[];
  noNewPrivileges?: boolean;
  oomScoreAdj?: number;
  scheduler?: Record<string, unknown>;
  ioPriority?: { class: string; priority?: number };
  [property: string]: unknown;
}

export const capabilitySets = [
  "bounding",
  "effective",
  "permitted",
  "inheritable",
  "ambient",
] as const;
export type CapabilitySet = (typeof capabilitySets)[number];

export interface Device {
  type: string;
  path: string;
  major?: number;
  minor?: number;
  fileMode?: number;
  uid?: number;
  gid?: number;
}

export interface Linux {
  namespaces: Namespace[];
  cgroupsPath?: string;
  uidMappings?: IdMapping[];
  gidMappings?: IdMapping[];
  devices?: Device[];
  resources?: Record<string, unknown>;
  sysctl?: Record<string, string>;
  timeOffsets?: Record<string, { secs?: number; nanosecs?: number }>;
  maskedPaths?: string[];
  readonlyPaths?: string[];
  rootfsPropagation?: string;
  personality?: { domain: string; flags?: string[] };
  memoryPolicy?: { mode?: string; nodes?: string; flags?: string[] };
  netDevices?: Record<string, { name?: string }>;
  [property: string]: unknown;
}

/** What `tsoci spec` writes, but for a program that reports what it sees and a cgroup where tests may be. */
export function baseConfig(cgroupsPath: string): Config {
  const capabilities = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];
  return {
    ociVersion: "1.3.0",
    root: { path: "rootfs", readonly: true },
    process: {
      terminal: false,
      user: { uid: 0, gid: 0 },
      args: ["/probe"],
      env: ["PATH=/bin:/", "TERM=xterm"],
      cwd: "/",
      capabilities: {
        bounding: capabilities,
        effective: capabilities,
        permitted: capabilities,
      },
      noNewPrivileges: true,
    },
    hostname: "probed",
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      {
        destination: "/dev",
        type: "tmpfs",
        source: "tmpfs",
        options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
      },
      {
        destination: "/dev/pts",
        type: "devpts",
        source: "devpts",
        options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
      },
      {
        destination: "/dev/shm",
        type: "tmpfs",
        source: "shm",
        options: ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"],
      },
      {
        destination: "/dev/mqueue",
        type: "mqueue",
        source: "mqueue",
        options: ["nosuid", "noexec", "nodev"],
      },
      {
        destination: "/sys",
        type: "sysfs",
        source: "sysfs",
        options: ["nosuid", "noexec", "nodev", "ro"],
      },
    ],
    linux: {
      cgroupsPath,
      resources: { devices: [{ allow: false, access: "rwm" }] },
      namespaces: ["pid", "network", "ipc", "uts", "mount"].map((type) => ({ type })),
    },
  };
}

/** The process of a config that has one. */
export function processOf(config: Config): Process {
  if (config.process === undefined) throw new Error("the config has no process");
  return config.process;
}

export function withoutNamespace(config: Config, type: string): void {
  config.linux.namespaces = config.linux.namespaces.filter((namespace) => namespace.type !== type);
}

export function withoutMountsBelow(config: Config, path: string): void {
  config.mounts = config.mounts.filter(
    ({ destination }) => destination !== path && !destination.startsWith(`${path}/`),
  );
}

/** Every id of the container stands for one of the host that nobody uses. */
export function withUserNamespace(config: Config, firstHostId = 100000): void {
  config.linux.namespaces.push({ type: "user" });
  config.linux.uidMappings = [{ containerID: 0, hostID: firstHostId, size: 65536 }];
  config.linux.gidMappings = [{ containerID: 0, hostID: firstHostId, size: 65536 }];
}
