import { type ContainerState, containerState } from "../state/oci-state";
import { readStatus } from "../state/status";
import { loadRecord } from "../state/store";
import type { RuntimeOptions } from "./requests";

/** `state`: runtime.md#state. Throws CONTAINER_UNKNOWN. */
export function readState(
  { stateRoot }: Pick<RuntimeOptions, "stateRoot">,
  id: string,
): ContainerState {
  const record = loadRecord(stateRoot, id);
  return containerState(stateRoot, record, readStatus(stateRoot, record));
}
