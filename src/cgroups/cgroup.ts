import type { Addon } from "../addon/bindings";
import { isErrno, isGone } from "../errors/describe";
import { RuntimeError } from "../errors/runtime-error";
import {
  isThere,
  listDirectory,
  makeDirectory,
  readText,
  removeDirectory,
  writeExisting,
} from "../host/files";
import { pause } from "../host/pause";
import { SIGKILL, signalIfAlive, waitForEnd, withPidfds } from "../host/pidfds";
import type { CgroupHierarchy, CgroupLayout } from "../plan/host-facts";
import { joinPath, parentOf } from "../spec/paths";
import { enableControllers } from "./enable-controllers";
import { wouldFreeze } from "./freezer";
import { hierarchyKeys } from "./layout";

/** A container's directory in one hierarchy. */
export interface CgroupDirectory {
  readonly hierarchy: CgroupHierarchy;
  readonly path: string;
}

export interface Cgroup {
  readonly directories: readonly CgroupDirectory[];
}

/** Where a container's cgroup is in every hierarchy, made or not. */
export function locateCgroup(layout: CgroupLayout, cgroupPath: string): Cgroup {
  const directories = layout.hierarchies.map((hierarchy) => ({
    hierarchy,
    path: joinPath(hierarchy.mountPoint, cgroupPath),
  }));
  return { directories };
}

/** The directory whose hierarchy has this controller; what no v1 hierarchy has is v2's, if there is one. */
export const directoryOf = (
  { directories }: Cgroup,
  controller: string,
): CgroupDirectory | undefined =>
  directories.find(({ hierarchy }) => hierarchy.controllers.includes(controller)) ??
  directories.find(({ hierarchy }) => hierarchy.version === 2);

/** The cgroup of a container that is there, by its record: the directories by controller, "" for v2. */
export function cgroupOf(layout: CgroupLayout, paths: Readonly<Record<string, string>>): Cgroup {
  const directories = layout.hierarchies.flatMap((hierarchy) => {
    const [key = ""] = hierarchyKeys(hierarchy);
    const path = paths[key];
    return path === undefined ? [] : [{ hierarchy, path }];
  });
  return { directories };
}

/** The directories that will be made for the container, parents first. `unit`: slices are made by systemd, for others too. */
export function missingDirectories({ directories }: Cgroup, unit?: object): string[] {
  return directories.flatMap(({ hierarchy, path }) => {
    const isSystemds = hierarchy.version === 2 || hierarchy.controllers.includes("name=systemd");
    if (unit !== undefined && isSystemds) return [path];
    const missing: string[] = [];
    for (let at = path; at !== hierarchy.mountPoint && !isThere(at); at = parentOf(at))
      missing.unshift(at);
    return missing;
  });
}

/**
 * Makes the container's cgroup in every hierarchy; `onCreated` hears of each new directory at once, so that
 * it can be taken back. An existing cgroup is used if it is empty, but for a process of ours, and thawed
 * (config-linux.md#cgroups-path).
 */
export function makeCgroup(
  { directories }: Cgroup,
  onCreated: (directory: string) => void,
  ownPid?: number,
): void {
  const isUnified = directories.every(({ hierarchy }) => hierarchy.version === 2);
  for (const { hierarchy, path } of directories) {
    if (!makeCgroupDirectory(hierarchy, path, onCreated)) assertEmpty(path, ownPid);
    assertThawed(hierarchy, path);
    if (hierarchy.controllers.includes("cpuset")) inheritCpuset(hierarchy, path);
    // On a hybrid machine the controllers of v2 are the host's affair, as with every other runtime.
    if (isUnified) enableControllers(hierarchy.mountPoint, path);
  }
}

/** How often a parent may vanish under us: another container's `delete` removes parents that it made. */
const maxAttempts = 16;

/** False when it was there. */
function makeCgroupDirectory(
  hierarchy: CgroupHierarchy,
  path: string,
  note: (directory: string) => void,
): boolean {
  for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
    try {
      makeDirectory(path, 0o755);
      note(path);
      return true;
    } catch (cause) {
      if (isErrno(cause, "EEXIST")) return false;
      if (!isErrno(cause, "ENOENT") || path === hierarchy.mountPoint) {
        throw new RuntimeError("CGROUP_FAILED", `make cgroup "${path}"`, { cause });
      }
      makeCgroupDirectory(hierarchy, parentOf(path), note);
    }
  }
  throw new RuntimeError(
    "CGROUP_FAILED",
    `make cgroup "${path}": its parent was removed ${maxAttempts} times`,
  );
}

/**
 * A v1 cpuset starts empty and takes no process until it has CPUs and memory nodes (cpuset(7)): it gets
 * its parent's, which may have to get its own parent's first.
 */
function inheritCpuset(hierarchy: CgroupHierarchy, path: string): void {
  for (const file of ["cpuset.cpus", "cpuset.mems"]) inheritCpusetFile(hierarchy, path, file);
}

function inheritCpusetFile(hierarchy: CgroupHierarchy, path: string, file: string): string {
  const own = readText(joinPath(path, file)).trim();
  if (own !== "" || path === hierarchy.mountPoint) return own;
  const inherited = inheritCpusetFile(hierarchy, parentOf(path), file);
  writeCgroupFile(joinPath(path, file), inherited);
  return inherited;
}

/** Deleting the container kills what is in its cgroup, so strangers may not be there. */
function assertEmpty(path: string, ownPid: number | undefined): void {
  const processes = processesBelow(path).filter((pid) => pid !== ownPid);
  if (processes.length > 0) {
    throw new RuntimeError(
      "CGROUP_FAILED",
      `container's cgroup is not empty: ${processes.length} process(es) found in "${path}"`,
    );
  }
}

/** Init would be born frozen, and nobody would ever hear of it. */
function assertThawed(hierarchy: CgroupHierarchy, path: string): void {
  if (hierarchy.version === 1 && !hierarchy.controllers.includes("freezer")) return;
  if (wouldFreeze(hierarchy.version, path)) {
    throw new RuntimeError("CGROUP_FAILED", `container's cgroup unexpectedly frozen: "${path}"`);
  }
}

function readProcesses(path: string): number[] {
  const text = readText(joinPath(path, "cgroup.procs"));
  return text.split("\n").filter(Boolean).map(Number);
}

/** One write, as the kernel takes it whole or not at all. */
export function writeCgroupFile(path: string, value: string): void {
  try {
    writeExisting(path, value);
  } catch (cause) {
    throw new RuntimeError("CGROUP_FAILED", `write "${value}" to "${path}"`, { cause });
  }
}

/** The container's directory by each controller, as runc's state.json has it. */
export function cgroupPaths(cgroup: Cgroup): Record<string, string> {
  return Object.fromEntries(
    cgroup.directories.flatMap(({ hierarchy, path }) =>
      hierarchyKeys(hierarchy).map((key) => [key, path]),
    ),
  );
}

/** All processes of the container, its sub-cgroups' too. */
export function listProcesses(paths: Readonly<Record<string, string>>): number[] {
  // Every hierarchy has the same processes; one whose controller cannot be missing is enough.
  const path = paths[""] ?? paths.pids ?? paths.devices ?? paths.memory ?? Object.values(paths)[0];
  return path === undefined ? [] : processesBelow(path);
}

function processesBelow(path: string): number[] {
  try {
    return [...readProcesses(path), ...subCgroups(path).flatMap(readDomain)];
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

/** A threaded cgroup's processes are listed by the one above it, and it does not tell of them itself (cgroups(7)). */
function readDomain(path: string): number[] {
  try {
    return readProcesses(path);
  } catch (error) {
    if (isErrno(error, "EOPNOTSUPP") || isErrno(error, "ENOTSUP")) return [];
    throw error;
  }
}

/** Deepest first, without `path` itself. */
function subCgroups(path: string): string[] {
  return listDirectory(path)
    .filter((entry) => entry.isDirectory)
    .flatMap((entry) => [...subCgroups(joinPath(path, entry.name)), joinPath(path, entry.name)]);
}

/** How long `delete` waits for killed processes to leave. */
const removalDeadlineMs = 10_000;
/** How long it waits for those that are not to be killed: a stranger may stay for ever. */
const strangersDeadlineMs = 2_000;

/**
 * Removes directories that we made, deepest first, with what the container made inside. What is left of its
 * processes is killed, or with `killLeft` false waited for; parents that others use by now are left.
 */
export function removeCgroups(
  addon: Addon,
  created: readonly string[],
  leaves: ReadonlySet<string>,
  options: { readonly killLeft: boolean },
): void {
  for (const path of [...created].reverse()) {
    if (leaves.has(path)) removeLeaf(addon, path, options);
    else removeParent(path);
  }
}

function removeParent(path: string): void {
  try {
    removeDirectory(path);
  } catch (error) {
    const isInUse =
      isErrno(error, "EBUSY") || isErrno(error, "ENOTEMPTY") || isErrno(error, "ENOENT");
    if (!isInUse)
      throw new RuntimeError("CGROUP_FAILED", `remove cgroup "${path}"`, { cause: error });
  }
}

function removeLeaf(
  addon: Addon,
  path: string,
  { killLeft }: { readonly killLeft: boolean },
): void {
  const deadline = Date.now() + (killLeft ? removalDeadlineMs : strangersDeadlineMs);
  while (true) {
    try {
      removeDirectory(path);
      return;
    } catch (cause) {
      if (isErrno(cause, "ENOENT")) return;
      if (!isErrno(cause, "EBUSY") && !isErrno(cause, "ENOTEMPTY")) {
        throw new RuntimeError("CGROUP_FAILED", `remove cgroup "${path}"`, { cause });
      }
      const left = processesBelow(path);
      if (Date.now() >= deadline) {
        throw new RuntimeError(
          "CGROUP_FAILED",
          `remove cgroup "${path}" with processes ${left.join(", ")}`,
          { cause },
        );
      }
      // Cgroup v1 tells nobody when its last process has left it.
      if (left.length === 0) pause(1);
      if (killLeft) endProcesses(addon, left, deadline - Date.now());
      else withPidfds(addon, left, (fds) => waitForEnd(addon, fds, deadline - Date.now()));
      removeSubCgroups(path);
    }
  }
}

function removeSubCgroups(path: string): void {
  try {
    for (const below of subCgroups(path)) removeDirectory(below);
  } catch (error) {
    const mayPass = ["EBUSY", "ENOENT", "ENOTEMPTY"].some((code) => isErrno(error, code));
    if (!mayPass)
      throw new RuntimeError("CGROUP_FAILED", `remove the cgroups below "${path}"`, {
        cause: error,
      });
  }
}

/** Kills processes and waits until they have ended; the kernel counts them out a moment later. */
function endProcesses(addon: Addon, pids: readonly number[], timeoutMs: number): void {
  withPidfds(addon, pids, (pidfds) => {
    for (const pidfd of pidfds) signalIfAlive(addon, pidfd, SIGKILL);
    waitForEnd(addon, pidfds, timeoutMs);
  });
}

/** The v2 directory, that init is born in; undefined when there is none. */
export const birthplaceOf = ({ directories }: Cgroup): string | undefined =>
  directories.find(({ hierarchy }) => hierarchy.version === 2)?.path;
