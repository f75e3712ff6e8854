import { RuntimeError } from "../errors/runtime-error";
import { closeFile } from "../host/files";
import type { ContainerRecord } from "../state/record";
import { readStatus } from "../state/status";
import { containerDir, loadRecord, removeContainerDir } from "../state/store";
import { assertAllowed } from "./allowed";
import { destroyContainer } from "./destroy";
import type { DeleteRequest, RuntimeOptions } from "./requests";

/** `delete`: undoes what `create` did. With `force` whatever state it is in, and whatever is left of it. runtime.md#delete */
export function deleteContainer(runtime: RuntimeOptions, { id, force }: DeleteRequest): void {
  const record = findRecord(runtime, id, force);
  if (record === undefined) return;
  // Not two at a time, and not while `start` is between the gate and the program.
  const lock = runtime.addon.lockDirectory({
    path: containerDir(runtime.stateRoot, id),
    wait: true,
  });
  try {
    const status = readStatus(runtime.stateRoot, record);
    if (!force) assertAllowed("delete", id, status);
    if (force && status === "creating") endCreator(runtime, record);
    destroyContainer(runtime, record, { kill: true });
  } finally {
    closeFile(lock);
  }
}

/** Undefined when `force` has nothing left to delete. */
function findRecord(
  runtime: RuntimeOptions,
  id: string,
  force: boolean,
): ContainerRecord | undefined {
  try {
    return loadRecord(runtime.stateRoot, id);
  } catch (error) {
    if (!force || !(error instanceof RuntimeError)) throw error;
    // An id without a record: a create that was killed before it wrote one, or a record that is junk.
    if (error.code === "CONTAINER_UNKNOWN" || error.code === "STATE_UNREADABLE") {
      removeContainerDir(runtime.stateRoot, id);
      return undefined;
    }
    throw error;
  }
}

/** A create that goes on while its container is deleted would build on what is gone. Its init dies with it. */
function endCreator({ addon }: RuntimeOptions, { tsoci: { creator } }: ContainerRecord): void {
  if (creator === undefined) return;
  const pidfd = addon.openPidfd({ pid: creator.pid });
  try {
    addon.signalPidfd({ pidfd, signal: 9 });
    addon.waitPidfd({ pidfd, timeoutMs: 10_000 });
  } finally {
    closeFile(pidfd);
  }
}
