import type { Addon } from "../addon/bindings";
import { isErrno } from "../errors/describe";
import { RuntimeError } from "../errors/runtime-error";
import { closeFile } from "../host/files";
import { containerDir } from "../state/store";
import type { RuntimeOptions } from "./requests";

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
    if (isErrno(cause, "ENOENT") || isErrno(cause, "ENOTDIR"))
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

/**
 * The lock of a container that is being made. Others wait while its first record is written, from the one that
 * names init until all is there, and while it is taken back: they would remove what is new, and we what is theirs
 * by then.
 */
export class MakersLock {
  private fd: number | undefined;

  constructor(
    private readonly runtime: RuntimeOptions,
    private readonly id: string,
  ) {}

  take(): void {
    this.fd ??= lockContainer(this.runtime.addon, this.runtime.stateRoot, this.id);
  }

  release(): void {
    if (this.fd !== undefined) closeFile(this.fd);
    this.fd = undefined;
  }
}
