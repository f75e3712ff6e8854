import { RuntimeError } from "../errors/runtime-error";
import type { ContainerRecord } from "../state/record";
import {
  hasRecord,
  idTaken,
  removeContainerDir,
  reserveId,
  saveRecord,
  unreserveId,
} from "../state/store";
import { firstRecord } from "./container-record";
import type { MakersLock } from "./lock";
import type { Prepared } from "./make-container";
import type { CreateRequest, RuntimeOptions } from "./requests";
import type { UndoStack } from "./undo-stack";

/**
 * Takes the id for a new container: one of any number of callers writes the first record into its directory. Throws
 * ID_TAKEN.
 */
export function takeId(
  { stateRoot }: RuntimeOptions,
  request: CreateRequest,
  prepared: Prepared,
  undo: UndoStack,
): ContainerRecord {
  const { lock } = prepared;
  const { id } = request;
  do reserveId(stateRoot, id);
  while (!lockReserved(stateRoot, id, lock));
  try {
    // A `delete --force` may have taken our directory for one that was left, and another caller made this one.
    if (hasRecord(stateRoot, id)) throw idTaken();
    undo.push("state directory", () => removeContainerDir(stateRoot, id));
    const record = firstRecord(request, prepared);
    saveRecord(stateRoot, record);
    lock.release();
    return record;
  } catch (error) {
    // For want of descriptors, perhaps: then the undo could not look into the directory either.
    unreserveId(stateRoot, id);
    throw error;
  }
}

/** False when the directory is gone again. */
function lockReserved(stateRoot: string, id: string, lock: MakersLock): boolean {
  try {
    lock.take();
    return true;
  } catch (error) {
    if (error instanceof RuntimeError && error.code === "CONTAINER_UNKNOWN") return false;
    unreserveId(stateRoot, id);
    throw error;
  }
}
