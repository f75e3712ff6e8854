import { existsSync, readdirSync, readlinkSync } from "node:fs";
import { basename, join } from "node:path";
import { callerEnvironment, markVariable } from "./environment";
import { allPids, cgroupParent, hierarchies, isAlive, readMounts, readProcFile } from "./host";
import { waitFor } from "./wait";

/** What is on the host before the tests, of the kinds of things that a runtime may leave. */
export interface HostSnapshot {
  readonly mounts: readonly string[];
  readonly defaultStates: readonly string[];
}

const defaultStateRoots = ["/run/tsoci", "/run/runc"];

export function snapshotHost(): HostSnapshot {
  return { mounts: readMounts().map(describeMount), defaultStates: defaultStates() };
}

/** Everything that has come since the snapshot and is of the tests' making, a line for each. */
export function findLeaks(before: HostSnapshot, scratch: string): string[] {
  const known = new Set([...before.mounts, ...before.defaultStates]);
  const mounts = readMounts()
    .map(describeMount)
    .filter((mount) => !known.has(mount));
  const states = defaultStates().filter((state) => !known.has(state));
  return [
    ...mounts,
    ...states,
    ...leftCgroups(),
    ...leftProcesses(scratch),
    ...leftStates(scratch),
    ...leftSockets(scratch),
  ];
}

/** Processes take a moment to go, so a leak is what is still there after a while. */
export function waitForNoLeaks(before: HostSnapshot, scratch: string, timeoutMs = 5_000): string[] {
  try {
    waitFor("nothing to be left", () => findLeaks(before, scratch).length === 0, timeoutMs);
    return [];
  } catch {
    return findLeaks(before, scratch);
  }
}

function describeMount({
  root,
  target,
  type,
  source,
}: ReturnType<typeof readMounts>[number]): string {
  return `mount ${type} "${source}" ${root} on ${target}`;
}

function defaultStates(): string[] {
  return defaultStateRoots
    .filter((root) => existsSync(root))
    .flatMap((root) => readdirSync(root).map((id) => `state ${join(root, id)}`));
}

function leftCgroups(): string[] {
  return hierarchies()
    .map(({ mountPoint }) => join(mountPoint, cgroupParent()))
    .filter((dir) => existsSync(dir))
    .flatMap((dir) =>
      readdirSync(dir, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map((entry) => `cgroup ${join(dir, entry.name)}`),
    );
}

/**
 * Processes that were started by a test: by their environment, which hooks and the runtime inherit, or
 * by a mount table that shows a rootfs of the tests, which containers have.
 */
function leftProcesses(scratch: string): string[] {
  const mark = `${markVariable}=${callerEnvironment()[markVariable]}`;
  return allPids()
    .filter((pid) => pid !== process.pid && isAlive(pid))
    .filter((pid) => {
      const isMarked = readProcFile(pid, "environ")?.split("\0").includes(mark) ?? false;
      return isMarked || (readProcFile(pid, "mountinfo")?.includes(basename(scratch)) ?? false);
    })
    .map(
      (pid) =>
        `process ${pid} ${readProcFile(pid, "cmdline")?.replaceAll("\0", " ")} (${exeOf(pid)})`,
    );
}

function exeOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return "gone";
  }
}

function leftStates(scratch: string): string[] {
  return readdirSync(scratch)
    .map((name) => join(scratch, name, "state"))
    .filter((root) => existsSync(root))
    .flatMap((root) => readdirSync(root).map((id) => `state ${join(root, id)}`));
}

/** Sockets in the abstract name space, or below the tests' directory, that something still holds. */
function leftSockets(scratch: string): string[] {
  const lines = readProcFile(process.pid, "net/unix")?.split("\n") ?? [];
  return lines
    .map((line) => line.trim().split(/\s+/)[7] ?? "")
    .filter((path) => path.startsWith("@") && path.includes("tsoci"))
    .concat(lines.filter((line) => line.includes(basename(scratch))))
    .map((path) => `socket ${path}`);
}
