import { isErrno } from "../errors/describe";
import { RuntimeError } from "../errors/runtime-error";
import { closeFile } from "../host/files";
import { isThatProcess, killAndWait, openPidfdIf, SIGKILL, signalIfAlive } from "../host/pidfds";
import { openInit } from "../state/open-init";
import type { ContainerRecord } from "../state/record";
import { readStatus, thaw } from "../state/status";
import { loadRecord, removeContainerDir } from "../state/store";
import { assertAllowed } from "./allowed";
import { destroyContainer } from "./destroy";
import { lockContainer } from "./lock";
import type { DeleteRequest, RuntimeOptions } from "./requests";

/**
 * `delete`: undoes what `create` did. With `force` whatever state it is in, and whatever is left of it.
 * Answers what was known of it; undefined when there was nothing. runtime.md#delete
 */
export function deleteContainer(
  runtime: RuntimeOptions,
  { id, force }: DeleteRequest,
): ContainerRecord | undefined {
  const whenTaken = force ? () => endHolder(runtime, id) : undefined;
  try {
    const destroy = () => {
      let record = force ? recordOrNothing(runtime, id) : loadRecord(runtime.stateRoot, id);
      if (record === undefined) return undefined;
      const status = readStatus(runtime.stateRoot, record);
      if (!force) assertAllowed("delete", id, status);
      if (force && status === "creating") {
        endCreator(runtime, record);
        // It may have come further before it was killed: to an init of its own.
        record = loadRecord(runtime.stateRoot, id);
      }
      destroyContainer(runtime, record, { kill: true });
      return record;
    };
    return withLock(runtime, id, destroy, whenTaken);
  } catch (error) {
    // There is none, or somebody else's `delete`, or its own create, was faster.
    if (!force || !isUnknown(error)) throw error;
    return undefined;
  }
}

/** Deletes a container whose init is known: it may be gone by now, and another may have its id. */
export function deleteOwn(
  runtime: RuntimeOptions,
  own: ContainerRecord,
  options: { readonly kill: boolean },
): void {
  try {
    withLock(runtime, own.id, () => {
      const record = loadRecord(runtime.stateRoot, own.id);
      const isOwn =
        record.init_process_pid === own.init_process_pid &&
        record.init_process_start === own.init_process_start;
      if (isOwn) destroyContainer(runtime, record, options);
    });
  } catch (error) {
    if (!isUnknown(error)) throw error;
  }
}

/** Not two at a time, and not while `start` is between the gate and the program. */
function withLock<Result>(
  { addon, stateRoot }: RuntimeOptions,
  id: string,
  run: () => Result,
  whenTaken?: () => void,
): Result {
  const lock = lockContainer(addon, stateRoot, id, whenTaken);
  try {
    return run();
  } finally {
    closeFile(lock);
  }
}

/**
 * `start` and `create` hold the lock while they wait for init, which may stand still for ever. Does not wait for
 * init's end: whoever has the lock may be about to see to that.
 */
function endHolder(runtime: RuntimeOptions, id: string): void {
  const { addon, stateRoot } = runtime;
  const record = readableRecord(stateRoot, id);
  if (record === undefined) return;
  if (readStatus(stateRoot, record) === "creating") endCreator(runtime, record);
  const pidfd = openInit(addon, record);
  if (pidfd === undefined) return;
  try {
    signalIfAlive(addon, pidfd, SIGKILL);
    thaw(record);
  } finally {
    closeFile(pidfd);
  }
}

function readableRecord(stateRoot: string, id: string): ContainerRecord | undefined {
  try {
    return loadRecord(stateRoot, id);
  } catch {
    // Whoever has the lock is about to write or to remove it.
    return undefined;
  }
}

const isUnknown = (error: unknown) =>
  error instanceof RuntimeError && error.code === "CONTAINER_UNKNOWN";

/** With the lock: undefined when there is nothing that `force` could undo, and then the directory is gone. */
function recordOrNothing({ stateRoot }: RuntimeOptions, id: string): ContainerRecord | undefined {
  try {
    return loadRecord(stateRoot, id);
  } catch (error) {
    if (!(error instanceof RuntimeError)) throw error;
    // An id without a record: a create that was killed before it wrote one, or a record that is junk.
    const isJunk = error.code === "STATE_UNREADABLE" && !saysNothing(error.cause);
    if (error.code !== "CONTAINER_UNKNOWN" && !isJunk) throw error;
    removeContainerDir(stateRoot, id);
    return undefined;
  }
}

/** Failures to read a record that may well be sound: its container would be left behind for ever. */
const saysNothing = (cause: unknown) =>
  ["EACCES", "EPERM", "EIO", "EMFILE", "ENFILE", "ENOMEM"].some((code) => isErrno(cause, code));

/** A create that goes on while its container is deleted would build on what is gone. Its init dies with it. */
function endCreator({ addon }: RuntimeOptions, { tsoci: { creator } }: ContainerRecord): void {
  if (creator === undefined) return;
  const pidfd = openPidfdIf(addon, creator.pid, () => isThatProcess(creator));
  if (pidfd === undefined) return;
  try {
    killAndWait(addon, pidfd, `create, process ${creator.pid}`);
  } finally {
    closeFile(pidfd);
  }
}
