import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import skips from "../known-skips.json";
import { criuDir } from "./criu";
import { patience, scratchDir } from "./environment";
import { cgroupOf, diskBelow, hierarchies, readMounts, statusField, unifiedDir } from "./host";
import { becomeOrdinary } from "./ordinary-user";
import { hasRealTimeBudgets } from "./real-time";

const [setpriv, ...ids] = becomeOrdinary;

/** What a test may need of the machine, and how to find out whether it is there. */
const detectors = {
  root: () => process.getuid?.() === 0,
  "no root": () => process.getuid?.() !== 0,
  CAP_SYS_RESOURCE: () => hasCapability(24),
  "cgroup v2": () => hierarchies().some(({ version }) => version === 2),
  "cgroup v2 alone": () => hierarchies().every(({ version }) => version === 2),
  "memory of cgroup v2": () =>
    hierarchies().some(
      ({ version, mountPoint }) =>
        version === 2 &&
        readFileSync(join(mountPoint, "cgroup.controllers"), "utf8").includes("memory"),
    ),
  "cgroup v1 devices": () =>
    hierarchies().some(({ controllers }) => controllers.includes("devices")),
  "cgroup v1": () =>
    hierarchies().some(
      ({ version, controllers }) => version === 1 && controllers.includes("memory"),
    ),
  systemd: () => existsSync("/run/systemd/system") && existsSync("/run/dbus/system_bus_socket"),
  "the user's systemd": () => existsSync(`${process.env.XDG_RUNTIME_DIR}/systemd/private`),
  "a delegated cgroup": hasDelegatedCgroup,
  newuidmap: () => succeeds("sh", ["-c", "command -v newuidmap newgidmap"]),
  CRIU: () => criuDir() !== undefined,
  freezer: () =>
    hierarchies().some(
      ({ version, controllers }) => version === 2 || controllers.includes("freezer"),
    ),
  "user namespaces": () => succeeds("unshare", ["--user", "true"]),
  "an ordinary user's namespaces": () =>
    succeeds(setpriv, [...ids, "unshare", "--user", "--map-root-user", "true"]),
  overlayfs: hasOverlayfs,
  "time namespaces": () => existsSync("/proc/self/ns/time"),
  "veth links": hasVeth,
  "a compiler": () => succeeds("c++", ["--version"]),
  "static busybox": () => spawnSync("busybox", ["true"]).status === 0 && isStatic("/bin/busybox"),
  NUMA: () => existsSync("/sys/devices/system/node/node0"),
  "a disk below the tests": () => diskBelow(scratchDir()) !== undefined,
  "two processors": () => existsSync("/sys/devices/system/cpu/cpu1"),
  "id-mapped mounts": () => kernelIsAtLeast(5, 12),
  "id-mapped mounts of overlayfs": () => kernelIsAtLeast(5, 19),
  "id-mapped mounts of tmpfs": () => kernelIsAtLeast(6, 3),
  "loop devices": () => existsSync("/dev/loop-control") && succeeds("mkfs.ext4", ["-V"]),
  "posix message queues": () => existsSync("/proc/sys/fs/mqueue"),
  "system calls of i386": () => existsSync("/proc/sys/abi/vsyscall32"),
  "real-time scheduling": () => succeeds("chrt", ["-f", "1", "true"]),
  "real-time budgets": hasRealTimeBudgets,
  AppArmor: () => hasAppArmor() && succeeds("apparmor_parser", ["--version"]),
  "no AppArmor": () => !hasAppArmor(),
  "no SELinux": () => !readMounts().some(({ type }) => type === "selinuxfs"),
  runc: () => existsSync("/usr/sbin/runc"),
  "no resctrl": () => !readMounts().some(({ type }) => type === "resctrl"),
} satisfies Record<string, () => boolean>;

export type Need = keyof typeof detectors;

const answers = new Map<Need, boolean>();

/** Why a test cannot run here, or undefined when it can. A reason that is not listed as known is an error. */
export function reasonToSkip(needs: readonly Need[]): string | undefined {
  const missing = needs.find((need) => !has(need));
  if (missing === undefined) return undefined;
  const reason = (skips as Record<string, string>)[missing];
  if (reason === undefined) throw new Error(`no known skip: this machine has no ${missing}`);
  return reason;
}

function has(need: Need): boolean {
  const known = answers.get(need);
  if (known !== undefined) return known;
  const found = detectors[need]();
  answers.set(need, found);
  return found;
}

function succeeds(program: string, args: readonly string[]): boolean {
  return spawnSync(program, args, { timeout: 10_000 * patience }).status === 0;
}

function hasCapability(number: number): boolean {
  const effective = BigInt(`0x${statusField(process.pid, "CapEff")}`);
  return (effective & (1n << BigInt(number))) !== 0n;
}

/** Tried in a network namespace that ends with the trial. */
function hasVeth(): boolean {
  return succeeds("unshare", [
    "--net",
    "ip",
    "link",
    "add",
    "dev",
    "v0",
    "type",
    "veth",
    "peer",
    "name",
    "v1",
  ]);
}

/** Whether we may make cgroups beside our own, and move processes into them. */
function hasDelegatedCgroup(): boolean {
  if (hierarchies().some(({ version }) => version === 1)) return false;
  const above = unifiedDir(dirname(cgroupOf(process.pid)));
  return [above, join(above, "cgroup.procs")].every((path) => isWritable(path));
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function hasAppArmor(): boolean {
  const path = "/sys/module/apparmor/parameters/enabled";
  return existsSync(path) && readFileSync(path, "utf8").startsWith("Y");
}

/** Tried where the tests are, because not every file system can be the upper one. */
function hasOverlayfs(): boolean {
  const dir = mkdtempSync(join(scratchDir(), "overlay-"));
  const [lower, upper, work, merged] = ["lower", "upper", "work", "merged"].map((name) => {
    mkdirSync(join(dir, name));
    return join(dir, name);
  });
  const options = `lowerdir=${lower},upperdir=${upper},workdir=${work}`;
  const mount = ["mount", "-t", "overlay", "-o", options, "overlay", String(merged)];
  return succeeds("unshare", ["--mount", "--propagation", "private", ...mount]);
}

function isStatic(path: string): boolean {
  // A dynamic executable names its interpreter within the first page.
  return existsSync(path) && !readFileSync(path).subarray(0, 4096).includes("/ld-linux");
}

function kernelIsAtLeast(major: number, minor: number): boolean {
  const [found = 0, foundMinor = 0] = readFileSync("/proc/sys/kernel/osrelease", "utf8")
    .split(".")
    .map(Number);
  return found > major || (found === major && foundMinor >= minor);
}
