import { describeError } from "../errors/describe";
import { RuntimeError } from "../errors/runtime-error";
import type { ContainerState } from "../state/oci-state";
import { listIds } from "../state/store";
import type { RuntimeOptions } from "./requests";
import { readState } from "./state";

/** All containers of the state root, by id. One that cannot be read is warned about, and hides no other. */
export function listContainers(runtime: RuntimeOptions): ContainerState[] {
  return listIds(runtime.stateRoot).flatMap((id) => {
    try {
      return [readState(runtime, id)];
    } catch (error) {
      // Gone since the directory was listed, or not a container at all.
      const isGone = error instanceof RuntimeError && error.code === "CONTAINER_UNKNOWN";
      // Whatever else is wrong with one, such as a record that somebody has edited.
      if (!isGone) runtime.warn(`load container ${id}: ${describeError(error)}`);
      return [];
    }
  });
}
