import { RuntimeError } from "../errors/runtime-error";
import { isThere, readLink, removeFile, renameFile, statusOf, writeNew } from "../host/files";
import { baseName, parentOf } from "../spec/paths";
import type { UndoStack } from "./undo-stack";

/** Decimal, without a newline, there whole or not at all: callers read it the moment it appears. */
export function writePidFile(path: string, pid: number, undo: UndoStack): void {
  const temporary = `${parentOf(path)}/.${baseName(path)}`;
  try {
    assertReplaceable(path);
    // A create that was killed may have left one.
    removeIfThere(temporary);
    writeNew(temporary, String(pid), 0o644);
    undo.push(`pid file "${temporary}"`, () => removeIfThere(temporary));
    renameFile(temporary, path);
    undo.push(`pid file "${path}"`, () => removeIfThere(path));
  } catch (cause) {
    throw new RuntimeError("HOST_FAILED", `write the pid file "${path}"`, { cause });
  }
}

/** What is renamed over is gone: a device of the host would be, for everybody. */
function assertReplaceable(path: string): void {
  if (statusOf(path)?.kind !== "other" || isLink(path)) return;
  throw new Error("there is something that is neither a file nor a link");
}

function isLink(path: string): boolean {
  try {
    readLink(path);
    return true;
  } catch {
    return false;
  }
}

function removeIfThere(path: string): void {
  if (isThere(path)) removeFile(path);
}
