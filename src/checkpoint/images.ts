import { isErrno } from "../errors/describe";
import { RuntimeError } from "../errors/runtime-error";
import {
  closeFile,
  isThere,
  makeDirectory,
  openFile,
  readBytes,
  realPath,
  removeFile,
  statusOf,
  writeNew,
} from "../host/files";
import { parentOf, resolveFrom } from "../spec/paths";
import type { CriuDirectories, CriuSettings } from "./criu-options";

/** What the streams of the container's program were: runc's name and form for it. */
const streamsFile = "descriptors.json";
const mostStreamsBytes = 64 * 1024;
/** CRIU's table of the others. */
const inventoryFile = "inventory.img";

/**
 * Makes the directories of a checkpoint, with those above them. The files in them, a program's memory, are the
 * owner's alone; with `searchable`, root of another user namespace is at least told which are not there.
 */
export function makeDirectories(
  { imageDir, workDir }: CriuSettings,
  { searchable }: { readonly searchable: boolean },
): void {
  makeWithParents(imageDir, searchable ? 0o711 : 0o700);
  if (workDir !== undefined) makeWithParents(workDir, 0o700);
}

function makeWithParents(path: string, mode: number): void {
  try {
    makeDirectory(path, mode);
  } catch (cause) {
    if (isErrno(cause, "EEXIST")) return;
    if (!isErrno(cause, "ENOENT") || path === "/")
      throw new RuntimeError("HOST_FAILED", `make the directory "${path}"`, { cause });
    makeWithParents(parentOf(path), mode);
    makeWithParents(path, mode);
  }
}

/** CRIU follows a link of that name from the image directory on, so it has to lead to an earlier checkpoint. */
export function assertParent(imageDir: string, parentPath: string): void {
  if (parentPath.startsWith("/")) {
    throw new RuntimeError(
      "USAGE",
      `--parent-path "${parentPath}" is absolute, and must be relative to the image directory "${imageDir}"`,
    );
  }
  const path = resolveFrom(imageDir, parentPath);
  if (directoryBehind(path)) return;
  throw new RuntimeError("USAGE", `--parent-path: "${path}" is no directory`);
}

function directoryBehind(path: string): boolean {
  try {
    return statusOf(realPath(path))?.kind === "directory";
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR")) return false;
    throw error;
  }
}

export interface OpenDirectories extends CriuDirectories {
  close(): void;
}

/**
 * Opens the directories as the process of that pid sees them: CRIU mounts in them, which it can only in its own
 * mount namespace. The caller closes them.
 */
export function openDirectories({ imageDir, workDir }: CriuSettings, pid: number): OpenDirectories {
  const imagesDirFd = openDirectory(imageDir, pid);
  try {
    const workDirFd = workDir === undefined ? undefined : openDirectory(workDir, pid);
    return {
      imagesDirFd,
      ...(workDirFd === undefined ? {} : { workDirFd }),
      close: () => {
        closeFile(imagesDirFd);
        if (workDirFd !== undefined) closeFile(workDirFd);
      },
    };
  } catch (error) {
    closeFile(imagesDirFd);
    throw error;
  }
}

function openDirectory(path: string, pid: number): number {
  try {
    return openFile(`/proc/${pid}/root${realPath(path)}`, "read");
  } catch (cause) {
    throw new RuntimeError("HOST_FAILED", `open the directory "${path}"`, { cause });
  }
}

export function writeStreams(imageDir: string, streams: readonly string[]): void {
  const path = `${imageDir}/${streamsFile}`;
  // Not written over: somebody may have put a link there.
  if (isThere(path)) removeFile(path);
  writeNew(path, JSON.stringify(streams), 0o600);
}

/** Throws HOST_FAILED when the directory holds no checkpoint of a container. */
export function readStreams(imageDir: string): readonly string[] {
  const path = `${imageDir}/${streamsFile}`;
  let bytes: Uint8Array;
  try {
    readBytes(`${imageDir}/${inventoryFile}`, mostStreamsBytes);
    bytes = readBytes(path, mostStreamsBytes);
  } catch (cause) {
    throw new RuntimeError("HOST_FAILED", `"${imageDir}" holds no checkpoint of a container`, {
      cause,
    });
  }
  const streams = parse(new TextDecoder().decode(bytes));
  if (isStrings(streams)) return streams;
  throw new RuntimeError("HOST_FAILED", `"${path}" is not a list of strings in JSON`);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const isStrings = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((entry) => typeof entry === "string");
