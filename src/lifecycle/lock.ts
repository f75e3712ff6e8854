import type { Addon } from "../addon/bindings";
import { isErrno } from "../errors/describe";
import { RuntimeError } from "../errors/runtime-error";
import { containerDir } from "../state/store";

/**
 * Keeps other operations away from a container until the descriptor is closed. What was read before is
 * out of date: the container may have ended, and another may have its id. `whenTaken` is called before another
 * one's lock is waited for. Throws CONTAINER_UNKNOWN.
 */
export function lockContainer(
  addon: Addon,
  stateRoot: string,
  id: string,
  whenTaken?: () => void,
): number {
  const path = containerDir(stateRoot, id);
  try {
    const lock = whenTaken === undefined ? undefined : lockIfFree(addon, path);
    if (lock !== undefined) return lock;
    whenTaken?.();
    return addon.lockDirectory({ path, wait: true });
  } catch (cause) {
    if (isErrno(cause, "ENOENT"))
      throw new RuntimeError("CONTAINER_UNKNOWN", "container does not exist");
    throw new RuntimeError("HOST_FAILED", `lock the container's directory "${path}"`, { cause });
  }
}

function lockIfFree(addon: Addon, path: string): number | undefined {
  try {
    return addon.lockDirectory({ path, wait: false });
  } catch (cause) {
    if (isErrno(cause, "EAGAIN") || isErrno(cause, "EWOULDBLOCK")) return undefined;
    throw cause;
  }
}
