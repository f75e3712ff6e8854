import type { Config, Mount, Namespace } from "../generated/config";

export interface DefaultConfigOptions {
  readonly cgroupVersion: 1 | 2;
  /** Whom root of the container is to be outside, for a caller without privileges. */
  readonly rootless?: { readonly uid: number; readonly gid: number };
}

const capabilities = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"] as const;

const mounts: readonly Mount[] = [
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
  {
    destination: "/sys/fs/cgroup",
    type: "cgroup",
    source: "cgroup",
    options: ["nosuid", "noexec", "nodev", "relatime", "ro"],
  },
];

/** Only the owner of a network namespace may mount sysfs, and only group 0 is mapped. */
const rootlessMount = (mount: Mount): Mount =>
  mount.destination === "/sys"
    ? {
        destination: "/sys",
        type: "none",
        source: "/sys",
        options: ["rbind", "nosuid", "noexec", "nodev", "ro"],
      }
    : mount.options === undefined
      ? mount
      : { ...mount, options: mount.options.filter((option) => !/^[ug]id=/.test(option)) };

const maskedPaths = [
  "/proc/acpi",
  "/proc/asound",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/proc/sched_debug",
  "/sys/firmware",
  "/proc/scsi",
  "/sys/devices/virtual/tpm",
] as const;

const readonlyPaths = [
  "/proc/bus",
  "/proc/fs",
  "/proc/irq",
  "/proc/sys",
  "/proc/sysrq-trigger",
] as const;

function namespaces({ cgroupVersion, rootless }: DefaultConfigOptions): readonly Namespace[] {
  const types: Namespace["type"][] = ["pid", "network", "ipc", "uts", "mount"];
  if (cgroupVersion === 2) types.push("cgroup");
  const chosen =
    rootless === undefined
      ? types
      : [...types.filter((type) => type !== "network"), "user" as const];
  return chosen.map((type) => ({ type }));
}

/** What `spec` writes: a shell, in the order and with the values that callers of runc edit by name. */
export function defaultConfig(options: DefaultConfigOptions): Config {
  const { rootless } = options;
  return {
    ociVersion: "1.3.0",
    process: {
      terminal: true,
      user: { uid: 0, gid: 0 },
      args: ["sh"],
      env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
      cwd: "/",
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
      rlimits: [{ type: "RLIMIT_NOFILE", hard: 1024, soft: 1024 }],
      noNewPrivileges: true,
    },
    root: { path: "rootfs", readonly: true },
    hostname: "tsoci",
    mounts: rootless === undefined ? mounts : mounts.map(rootlessMount),
    linux: {
      ...(rootless === undefined
        ? { resources: { devices: [{ allow: false, access: "rwm" }] } }
        : {
            uidMappings: [{ containerID: 0, hostID: rootless.uid, size: 1 }],
            gidMappings: [{ containerID: 0, hostID: rootless.gid, size: 1 }],
          }),
      namespaces: namespaces(options),
      maskedPaths,
      readonlyPaths,
    },
  };
}
