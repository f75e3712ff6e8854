import type { Addon } from "../addon/bindings";
import { isErrno } from "../errors/describe";
import { RuntimeError } from "../errors/runtime-error";
import { containerDir } from "../state/store";

/**
 * Keeps other operations away from a container until the descriptor is closed. What was read before is
 * out of date: the container may have ended, and another may have its id. Throws CONTAINER_UNKNOWN.
 */
export function lockContainer(addon: Addon, stateRoot: string, id: string): number {
  const path = containerDir(stateRoot, id);
  try {
    return addon.lockDirectory({ path, wait: true });
  } catch (cause) {
    if (isErrno(cause, "ENOENT"))
      throw new RuntimeError("CONTAINER_UNKNOWN", "container does not exist");
    throw new RuntimeError("HOST_FAILED", `lock the container's directory "${path}"`, { cause });
  }
}
