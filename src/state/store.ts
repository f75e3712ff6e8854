import { isErrno } from "../errors/describe";
import { RuntimeError } from "../errors/runtime-error";
import {
  isThere,
  listDirectory,
  makeDirectory,
  readText,
  removeDirectory,
  removeFile,
  renameFile,
  statusOf,
  writeReplacing,
} from "../host/files";
import { parentOf } from "../spec/paths";
import type { ContainerRecord } from "./record";
import { mistakeInRecord } from "./record-shape";

/** The state directory: one directory for each container, whose existence is what takes its id. */

const recordFile = "state.json";
const gateFile = "start.sock";
/** What a container sees of its own state directory: nothing else may ever be in it. */
const notifySubdirectory = "notify";
export const notifyFile = "notify.sock";

export const containerDir = (stateRoot: string, id: string) => `${stateRoot}/${id}`;
export const gatePath = (stateRoot: string, id: string) => `${stateRoot}/${id}/${gateFile}`;

export const notifyDir = (stateRoot: string, id: string) =>
  `${stateRoot}/${id}/${notifySubdirectory}`;
export const notifyPath = (stateRoot: string, id: string) =>
  `${notifyDir(stateRoot, id)}/${notifyFile}`;

/** Makes the container's directory. The kernel lets one of any number of callers succeed. */
export function reserveId(stateRoot: string, id: string): void {
  try {
    makeDirectory(containerDir(stateRoot, id), 0o700);
  } catch (cause) {
    if (isErrno(cause, "ENOENT")) {
      makeStateRoot(stateRoot);
      reserveId(stateRoot, id);
      return;
    }
    if (isErrno(cause, "EEXIST")) throw idTaken();
    throw new RuntimeError(
      "HOST_FAILED",
      `make the container's directory "${containerDir(stateRoot, id)}"`,
      { cause },
    );
  }
}

export const idTaken = () => new RuntimeError("ID_TAKEN", "container with given ID already exists");

/** Takes back an empty directory; anything in it is somebody else's. */
export function unreserveId(stateRoot: string, id: string): void {
  try {
    removeDirectory(containerDir(stateRoot, id));
  } catch (cause) {
    if (isErrno(cause, "ENOENT") || isErrno(cause, "ENOTEMPTY")) return;
    throw new RuntimeError("HOST_FAILED", `remove "${containerDir(stateRoot, id)}"`, { cause });
  }
}

export const hasRecord = (stateRoot: string, id: string) =>
  isThere(`${containerDir(stateRoot, id)}/${recordFile}`);

function makeStateRoot(stateRoot: string): void {
  try {
    makeDirectory(stateRoot, 0o700);
  } catch (cause) {
    // Another container is made at the same time.
    if (isErrno(cause, "EEXIST")) return;
    if (isErrno(cause, "ENOENT") && stateRoot !== "/") {
      makeStateRoot(parentOf(stateRoot));
      makeStateRoot(stateRoot);
      return;
    }
    throw new RuntimeError("HOST_FAILED", `make the state directory "${stateRoot}"`, { cause });
  }
}

/** Whoever may write here decides what `kill` and `delete` act on, so it has to be ours alone. */
export function assertStateRootIsOurs(stateRoot: string, euid: number): void {
  const status = statusOf(stateRoot);
  if (status === undefined) return;
  const mode = status.mode.toString(8).padStart(4, "0");
  if (status.kind !== "directory" || status.uid !== euid || (status.mode & 0o022) !== 0) {
    throw new RuntimeError(
      "HOST_FAILED",
      `state directory "${stateRoot}" belongs to uid ${status.uid} with mode ${mode}, and must be a directory of uid ${euid} that nobody else can write`,
    );
  }
}

/** Replaces the record as a whole: a reader sees the old one or the new one. */
export function saveRecord(stateRoot: string, record: ContainerRecord): void {
  const dir = containerDir(stateRoot, record.id);
  const temporary = `${dir}/.${recordFile}`;
  try {
    writeReplacing(temporary, JSON.stringify(record), 0o600);
    renameFile(temporary, `${dir}/${recordFile}`);
  } catch (cause) {
    throw new RuntimeError("HOST_FAILED", `write the record in "${dir}"`, { cause });
  }
}

/** Throws CONTAINER_UNKNOWN, or STATE_UNREADABLE when there is something that is no record. */
export function loadRecord(stateRoot: string, id: string): ContainerRecord {
  const path = `${containerDir(stateRoot, id)}/${recordFile}`;
  let text: string;
  try {
    text = readText(path);
  } catch (cause) {
    if (isErrno(cause, "ENOENT") || isErrno(cause, "ENOTDIR")) {
      throw new RuntimeError("CONTAINER_UNKNOWN", "container does not exist");
    }
    throw new RuntimeError("STATE_UNREADABLE", `read the record "${path}"`, { cause });
  }
  const record = parsed(text);
  const mistake = mistakeInRecord(record, id);
  if (mistake === undefined) return record as ContainerRecord;
  throw new RuntimeError(
    "STATE_UNREADABLE",
    `understand the record "${path}" (delete --force removes it)`,
    { cause: mistake },
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // In what words differs between engines.
    return undefined;
  }
}

/** Ids that have a directory, in the directory's order. Empty when there is no state directory. */
export function listIds(stateRoot: string): string[] {
  try {
    return listDirectory(stateRoot)
      .filter((entry) => entry.isDirectory)
      .map((entry) => entry.name)
      .sort();
  } catch (cause) {
    if (isErrno(cause, "ENOENT")) return [];
    throw new RuntimeError("HOST_FAILED", `list the state directory "${stateRoot}"`, { cause });
  }
}

/**
 * Removes the container's directory and what may be in it; nothing of it is ever followed. The record goes
 * last: as long as something is left, `delete` can be asked for again.
 */
export function removeContainerDir(stateRoot: string, id: string): void {
  const dir = containerDir(stateRoot, id);
  try {
    for (const { name, isDirectory } of listDirectory(dir)) {
      if (isDirectory) removeFlatDirectory(`${dir}/${name}`);
      else if (name !== recordFile) unlessGone(() => removeFile(`${dir}/${name}`));
    }
    unlessGone(() => removeFile(`${dir}/${recordFile}`));
    unlessGone(() => removeDirectory(dir));
  } catch (cause) {
    if (isErrno(cause, "ENOENT")) return;
    throw new RuntimeError("HOST_FAILED", `remove the container's directory "${dir}"`, { cause });
  }
}

function removeFlatDirectory(dir: string): void {
  for (const { name } of listDirectory(dir)) unlessGone(() => removeFile(`${dir}/${name}`));
  unlessGone(() => removeDirectory(dir));
}

/** `start` removes the gate, and a second `delete` removes all: what is gone must not keep the rest. */
function unlessGone(remove: () => void): void {
  try {
    remove();
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
  }
}
