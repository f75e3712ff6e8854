/** What the probe prints: see probe/*.c for where each value comes from. */
export interface Report {
  fds: { fd: number; target: string; closeOnExec: boolean; nonBlocking: boolean; uid: number }[];
  pid: number;
  parentPid: number;
  processGroup: number;
  session: number;
  /** Real, effective, saved, file system. */
  uids: number[];
  gids: number[];
  groups: number[];
  umask: number;
  cwd: string;
  args: string[];
  env: string[];
  hostname: string;
  domainname: string;
  machine: string;
  /** Each set in hexadecimal. */
  capabilities: Record<string, string>;
  noNewPrivileges: boolean;
  seccomp: number;
  dumpable: boolean;
  parentDeathSignal: number;
  blockedSignals: number[];
  ignoredSignals: number[];
  clocks: { monotonic: number; boottime: number };
  keyring: { id: number; description: string };
  /** Soft and hard, in decimal; no limit is 2^64 - 1. */
  rlimits: Record<string, [string, string]>;
  scheduler: Record<
    "policy" | "flags" | "nice" | "priority" | "runtime" | "deadline" | "period",
    number
  >;
  ioPriority: { class: number; priority: number };
  memoryPolicy: { mode: number; nodes: number[] };
  affinity: number[];
  personality: number;
  oomScoreAdj: number | null;
  /** As the links of /proc/self/ns read: "mnt:[4026531841]". */
  namespaces: Record<string, string>;
  mounts: MountEntry[];
  cgroups: string[];
  interfaces: {
    name: string;
    up: boolean;
    running: boolean;
    loopback: boolean;
    mtu: number;
    hardwareAddress: string;
    addresses: string[];
  }[];
  terminals: {
    isTerminal: boolean;
    path: string;
    rows: number;
    columns: number;
    mapsNewlines: boolean;
  }[];
  /** Empty when /dev/tty can be opened, else the errno. */
  controllingTerminal: string;
  stdin?: string;
  tries: Try[];
}

export interface MountEntry {
  id: string;
  parentId: string;
  device: string;
  root: string;
  target: string;
  options: string;
  optional: string[];
  type: string;
  source: string;
  superOptions: string;
}

export interface Try {
  operation: string;
  path: string;
  /** The errno's name, empty when the operation succeeded. */
  error: string;
  type?: string;
  mode?: number;
  uid?: number;
  gid?: number;
  size?: number;
  device?: number;
  inode?: number;
  rdev?: string;
  target?: string;
  content?: string;
  entries?: string[];
}

/** The topmost mount at a path: the last one in mountinfo. */
export function mountAt(report: Report, target: string): MountEntry {
  const entry = report.mounts.filter((mount) => mount.target === target).at(-1);
  if (entry === undefined) throw new Error(`nothing is mounted on "${target}"`);
  return entry;
}

export function tried(report: Report, operation: string, path: string): Try {
  const found = report.tries.filter((item) => item.operation === operation && item.path === path);
  const last = found.at(-1);
  if (last === undefined) throw new Error(`the probe did not try "${operation}" on "${path}"`);
  return last;
}

/** The set that a list of capability names stands for, as the probe prints it. */
export function capabilityMask(numbers: readonly number[]): string {
  return numbers.reduce((mask, number) => mask | (1n << BigInt(number)), 0n).toString(16);
}
