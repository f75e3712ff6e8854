import { isErrno } from "../errors/describe";
import { RuntimeError } from "../errors/runtime-error";
import type { IntelRdt } from "../generated/config";
import {
  isThere,
  makeDirectory,
  readText,
  removeDirectory,
  statusOf,
  writeExisting,
} from "../host/files";
import type { UndoStack } from "../lifecycle/undo-stack";
import { joinPath } from "../spec/paths";
import { comparedLines, findMismatch, schemataWrites } from "./schemata";

/** What is asked of the resctrl file system; tests have one of their own. */
export interface ResctrlFiles {
  isThere(path: string): boolean;
  isFile(path: string): boolean;
  makeDirectory(path: string): void;
  removeDirectory(path: string): void;
  read(path: string): string;
  write(path: string, text: string): void;
}

export const hostFiles: ResctrlFiles = {
  isThere,
  isFile: (path) => statusOf(path)?.kind === "file",
  makeDirectory: (path) => makeDirectory(path, 0o755),
  removeDirectory,
  read: readText,
  write: writeExisting,
};

/** The groups of a container in the resctrl file system. config-linux.md#intelrdt */
export interface ResctrlGroups {
  /** Where the file system is mounted. */
  readonly root: string;
  readonly rdt: IntelRdt;
  /** The class of service. */
  readonly classDir: string;
  /** Named after the container, and so nobody else's: `delete` removes it, if `create` made it. */
  readonly isOwn: boolean;
  /** The monitoring group, if it gets one. */
  readonly monitorDir: string | undefined;
}

/** Undefined when config.json does not speak of it: then no resctrl file system is touched. */
export function locateGroups(
  root: string | undefined,
  rdt: IntelRdt | undefined,
  id: string,
): ResctrlGroups | undefined {
  if (rdt === undefined || root === undefined) return undefined;
  const { closID = "" } = rdt;
  // A rule has checked that it is "/" or one name (src/spec/rules/linux.ts).
  const classDir = closID === "/" ? root : joinPath(root, closID === "" ? id : closID);
  return {
    root,
    rdt,
    classDir,
    isOwn: closID === "",
    monitorDir: rdt.enableMonitoring === true ? `${classDir}/mon_groups/${id}` : undefined,
  };
}

/** What `delete` will have to remove of what `makeGroups` will make, parents first. */
export function missingGroups(
  groups: ResctrlGroups | undefined,
  files: ResctrlFiles = hostFiles,
): string[] {
  return ownGroups(groups).filter((path) => !files.isThere(path));
}

/** A class with a name from config.json is not ours to remove, even if we made it. */
function ownGroups(groups: ResctrlGroups | undefined): string[] {
  if (groups === undefined) return [];
  const monitor = groups.monitorDir === undefined ? [] : [groups.monitorDir];
  return groups.isOwn ? [groups.classDir, ...monitor] : monitor;
}

/** Makes what is not there, and gives the class its schemata. Answers what `delete` has to remove. */
export function makeGroups(
  groups: ResctrlGroups | undefined,
  undo: UndoStack,
  files: ResctrlFiles = hostFiles,
): string[] {
  if (groups === undefined) return [];
  const { classDir, monitorDir, rdt } = groups;
  const created: string[] = [];
  undo.push("resctrl group", () => takeBack(files, groups, created));
  const hasSchemata = schemataWrites(rdt).length > 0;
  if (makeClass(files, groups, hasSchemata)) created.push(classDir);
  else assertClass(files, groups);
  changeSchemata(groups, files);
  if (monitorDir !== undefined) {
    attempt(files, groups, `make the monitoring group "${monitorDir}"`, () =>
      files.makeDirectory(monitorDir),
    );
    created.push(monitorDir);
  }
  return ownGroups(groups).filter((path) => created.includes(path));
}

/** Writes the schemata of the class, which is there. */
export function changeSchemata(groups: ResctrlGroups, files: ResctrlFiles = hostFiles): void {
  for (const text of schemataWrites(groups.rdt)) {
    const path = `${groups.classDir}/schemata`;
    attempt(files, groups, `write ${JSON.stringify(text)} to "${path}"`, () =>
      files.write(path, text),
    );
  }
}

/** Whether this machine can allocate a resource, such as "L3" or "MB". */
export const hasResource = (root: string, resource: string, files: ResctrlFiles = hostFiles) =>
  files.isThere(`${root}/info/${resource}`);

/** False when it was there. One that config.json names and gives no schemata has to be there. */
function makeClass(files: ResctrlFiles, groups: ResctrlGroups, hasSchemata: boolean): boolean {
  const { classDir, isOwn, root } = groups;
  if (classDir === root) return false;
  if (!isOwn && !hasSchemata) {
    if (files.isThere(classDir)) return false;
    throw unsuitable(`class of service "${classDir}" is not there, and has no schemata here`);
  }
  return attempt(files, groups, `make the class of service "${classDir}"`, () => {
    try {
      files.makeDirectory(classDir);
      return true;
    } catch (cause) {
      if (isErrno(cause, "EEXIST")) return false;
      throw cause;
    }
  });
}

/** A class that others may be in: it has to be as config.json has it, and is not changed to become so. */
function assertClass(files: ResctrlFiles, groups: ResctrlGroups): void {
  const { classDir, isOwn, rdt, root } = groups;
  // "info" and "mon_groups" are directories too.
  if (!files.isFile(`${classDir}/tasks`)) throw unsuitable(`"${classDir}" is no class of service`);
  const wanted = isOwn ? [] : comparedLines(rdt);
  if (wanted.length === 0) return;
  const steps = `${root}/info/MB/bandwidth_gran`;
  const bandwidthStep = files.isThere(steps) ? Number(files.read(steps)) || 1 : 1;
  const schemata = files.read(`${classDir}/schemata`);
  const mismatch = findMismatch(wanted, schemata, { bandwidthStep });
  if (mismatch === undefined) return;
  const found = schemata
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
  throw unsuitable(
    `class of service "${classDir}" has the schemata "${found.join(", ")}", and must have "${mismatch}"`,
  );
}

const unsuitable = (message: string) =>
  new RuntimeError("CONFIG_UNSUPPORTED", `/linux/intelRdt: ${message}`);

/** Puts init into its groups: a class first, as a monitoring group takes only those who are in its class. */
export function joinGroups(
  groups: ResctrlGroups | undefined,
  pid: number,
  files: ResctrlFiles = hostFiles,
): void {
  if (groups === undefined) return;
  const { classDir, monitorDir } = groups;
  for (const dir of monitorDir === undefined ? [classDir] : [classDir, monitorDir]) {
    attempt(files, groups, `write ${pid} to "${dir}/tasks"`, () =>
      files.write(`${dir}/tasks`, String(pid)),
    );
  }
}

/** Removes groups that we made, deepest first. With a class the kernel removes what is in it. */
export function removeGroups(created: readonly string[], files: ResctrlFiles = hostFiles): void {
  for (const path of [...created].reverse()) {
    try {
      files.removeDirectory(path);
    } catch (cause) {
      if (isErrno(cause, "ENOENT")) continue;
      throw new RuntimeError("HOST_FAILED", `remove the resctrl group "${path}"`, { cause });
    }
  }
}

/** A class that others have joined by now stays: the kernel would remove it from under them. */
function takeBack(files: ResctrlFiles, groups: ResctrlGroups, created: readonly string[]): void {
  const isTaken = (path: string) =>
    path === groups.classDir && !groups.isOwn && files.read(`${path}/tasks`).trim() !== "";
  removeGroups(
    created.filter((path) => !isTaken(path)),
    files,
  );
}

/** Errors of this file system are told by an errno and, in words, by one of its files. */
function attempt<T>(files: ResctrlFiles, { root }: ResctrlGroups, what: string, run: () => T): T {
  try {
    return run();
  } catch (cause) {
    const status = lastStatus(files, root);
    const why = status === "" || status === "ok" ? "" : ` (${status})`;
    throw new RuntimeError("HOST_FAILED", `${what}${why}`, { cause });
  }
}

function lastStatus(files: ResctrlFiles, root: string): string {
  const path = `${root}/info/last_cmd_status`;
  return files.isThere(path) ? files.read(path).trim().replaceAll("\n", "; ") : "";
}
