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
      if (!(error instanceof RuntimeError)) throw error;
      // Gone since the directory was listed, or not a container at all.
      if (error.code !== "CONTAINER_UNKNOWN")
        runtime.warn(`load container ${id}: ${describeError(error)}`);
      return [];
    }
  });
}
