import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Config, capabilitySets, type Process, processOf } from "../support/config";
import type { Container } from "../support/container";
import type { Random } from "./random";

/** One thing that a config may say, if chance has it. Only what both runtimes know, and this machine has. */
type Variation = (config: Config, random: Random, box: Container) => void;

const capabilities = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_FOWNER",
  "CAP_KILL",
  "CAP_NET_ADMIN",
  "CAP_NET_BIND_SERVICE",
  "CAP_SETGID",
  "CAP_SETUID",
  "CAP_SYS_CHROOT",
  "CAP_SYS_PTRACE",
];

function varyCapabilities(process: Process, random: Random): void {
  if (random.chance(0.15)) {
    process.capabilities = {};
    return;
  }
  const bounding = random.someOf(capabilities, 0.7);
  const permitted = random.someOf(bounding, 0.7);
  const inheritable = random.chance(0.3) ? random.someOf(permitted) : [];
  process.capabilities = {
    bounding,
    permitted,
    effective: random.someOf(permitted, 0.8),
    inheritable,
    ambient: random.chance(0.5) ? random.someOf(inheritable) : [],
  };
}

function varyUser(process: Process, random: Random): void {
  process.user = { uid: random.oneOf([0, 0, 1000, 65534]), gid: random.oneOf([0, 5, 1000]) };
  if (random.chance(0.5)) process.user.additionalGids = random.someOf([1, 20, 100, 5000, 65534]);
  if (random.chance(0.4)) process.user.umask = random.oneOf([0, 0o2, 0o27, 0o77]);
}

/** What each limit is counted in here: the probe needs some stack, and writes a report of a few dozen KiB. */
const limits = {
  RLIMIT_CORE: 1,
  RLIMIT_CPU: 1,
  RLIMIT_FSIZE: 65536,
  RLIMIT_NOFILE: 1,
  RLIMIT_STACK: 65536,
};

function varyLimits(process: Process, random: Random): void {
  process.rlimits = random.someOf(Object.entries(limits)).map(([type, unit]) => {
    const hard = random.between(200, 1000) * unit;
    return { type, hard, soft: random.chance(0.5) ? hard : Math.floor(hard / 2) };
  });
}

function varyEnvironment(process: Process, random: Random): void {
  process.env = random.someOf(
    [
      "PATH=/bin:/",
      "TERM=linux",
      "HOME=/tmp",
      "EMPTY=",
      "LINE=a\nb",
      "UMLAUT=\u00fc",
      "A=1",
      "A=2",
    ],
    0.6,
  );
}

/** What a process may say for itself: of a container's first one, and of one that `exec` adds. */
export const processVariations: readonly ((process: Process, random: Random) => void)[] = [
  varyCapabilities,
  varyUser,
  varyLimits,
  varyEnvironment,
  (process, random) => {
    process.cwd = random.oneOf(["/", "/tmp", "/etc", "/proc/self"]);
  },
  (process, random) => {
    process.noNewPrivileges = random.chance(0.5);
  },
  (process, random) => {
    // No lower than the caller's own: this takes a privilege that root may not have.
    process.oomScoreAdj = random.between(0, 1000);
  },
  (process) => {
    process.args = [...(process.args ?? []), "--stat", "/", "--list", "/dev"];
  },
];

const hidden = ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware", "/etc/none"];
const protectedPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];
const bindOptions = ["ro", "nosuid", "nodev", "noexec", "noatime"];

const mountVariations: readonly Variation[] = [
  (config, random, box) => {
    const source = join(box.dir, "bound");
    mkdirSync(source);
    writeFileSync(join(source, "file"), "bound");
    const kind = random.oneOf(["bind", "rbind"]);
    const options = [kind, ...random.someOf(bindOptions), ...propagation(random)];
    config.mounts.push({ destination: "/bound/deep", type: "bind", source, options });
    const root = config.root;
    if (root !== undefined) mkdirSync(join(box.rootfsDir, "bound/deep"), { recursive: true });
    processOf(config).args?.push("--read", "/bound/deep/file", "--create", "/bound/deep/made");
  },
  (config, random, box) => {
    const size = `size=${random.oneOf(["64k", "1m"])}`;
    const mode = `mode=${random.oneOf(["700", "755", "1777"])}`;
    const options = [size, mode, ...random.someOf(bindOptions), ...propagation(random)];
    mkdirSync(join(box.rootfsDir, "scratch"));
    config.mounts.push({ destination: "/scratch", type: "tmpfs", source: "tmpfs", options });
    processOf(config).args?.push("--stat", "/scratch", "--create", "/scratch/made");
  },
  (config, random) => {
    const options = [...random.someOf(["nosuid", "noexec", "nodev"]), "ro"];
    config.mounts.push({
      destination: "/sys/fs/cgroup",
      type: "cgroup",
      source: "cgroup",
      options,
    });
  },
];

const propagation = (random: Random) =>
  random.chance(0.4) ? [random.oneOf(["private", "rprivate", "rslave", "rshared"])] : [];

const linuxVariations: readonly Variation[] = [
  ({ linux }, random) => {
    linux.maskedPaths = random.someOf(hidden);
  },
  ({ linux }, random) => {
    linux.readonlyPaths = random.someOf(protectedPaths);
  },
  (config, random) => {
    const { linux } = config;
    linux.namespaces = linux.namespaces.filter(
      ({ type }) => type === "mount" || random.chance(0.8),
    );
    if (random.chance(0.3)) linux.namespaces.push({ type: "cgroup" });
    const has = (name: string) => linux.namespaces.some(({ type }) => type === name);
    if (!has("uts")) delete config.hostname;
    // Without namespaces of its own a container may not have these mounted: whose would they show?
    if (!has("ipc")) config.mounts = config.mounts.filter(({ type }) => type !== "mqueue");
    if (!has("network")) config.mounts = config.mounts.filter(({ type }) => type !== "sysfs");
  },
  (config, random) => {
    const first = random.oneOf([100000, 300000]);
    config.linux.namespaces.push({ type: "user" });
    const map = [{ containerID: 0, hostID: first, size: 65536 }];
    Object.assign(config.linux, { uidMappings: map, gidMappings: map });
  },
  ({ linux }, random) => {
    linux.rootfsPropagation = random.oneOf(["private", "slave", "rprivate", "rslave"]);
  },
  ({ linux }, random) => {
    // In a user namespace the host's own are bound, and the host has no odd one.
    if (linux.namespaces.some(({ type }) => type === "user")) return;
    linux.devices = [
      { path: "/dev/odd", type: "c", major: 1, minor: 5, fileMode: random.oneOf([0o600, 0o644]) },
      { path: "/dev/deep/fifo", type: "p", fileMode: 0o622, uid: random.oneOf([0, 7]) },
    ];
  },
  ({ linux }, random) => {
    const hasOwn = (name: string) => linux.namespaces.some(({ type }) => type === name);
    const settings: Record<string, string> = {};
    if (hasOwn("ipc")) settings["kernel.shmmni"] = String(random.between(1000, 4000));
    if (hasOwn("network")) settings["net.ipv4.ip_forward"] = random.oneOf(["0", "1"]);
    linux.sysctl = settings;
  },
  ({ linux }, random) => {
    const name = random.oneOf(["mkdir", "uname", "sethostname"]);
    const action = random.oneOf(["SCMP_ACT_ERRNO", "SCMP_ACT_ALLOW"]);
    linux.seccomp = {
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [
        { names: [name], action, ...(action === "SCMP_ACT_ERRNO" ? { errnoRet: 13 } : {}) },
      ],
    };
  },
];

const othersOfConfig: readonly Variation[] = [
  (config, random) => {
    if (config.root !== undefined) config.root.readonly = random.chance(0.5);
  },
  (config, random) => {
    if (config.linux.namespaces.some(({ type }) => type === "uts"))
      config.hostname = random.oneOf(["a", "host.example", "h".repeat(64)]);
  },
];

/** Changes a config by chance; whatever comes out is valid. */
export function varyConfig(config: Config, random: Random, box: Container): void {
  const process = processOf(config);
  process.args = ["/probe"];
  for (const vary of random.someOf(processVariations, 0.4)) vary(process, random);
  for (const vary of random.someOf(
    [...linuxVariations, ...mountVariations, ...othersOfConfig],
    0.3,
  ))
    vary(config, random, box);
}

/** A process for `exec --process`. */
export function varyProcess(random: Random): Process {
  const process: Process = {
    args: ["/probe"],
    cwd: "/",
    env: ["PATH=/bin"],
    user: { uid: 0, gid: 0 },
    capabilities: Object.fromEntries(capabilitySets.map((set) => [set, []])),
  };
  for (const vary of random.someOf(processVariations, 0.5)) vary(process, random);
  return process;
}
