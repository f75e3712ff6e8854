import type { Addon } from "../addon/bindings";
import { DeleteResponse } from "../generated/shim/task";
import type { LaunchFacts } from "../host/launch-facts";
import { SIGKILL } from "../host/pidfds";
import { writeAll } from "../host/write-all";
import { deleteContainer } from "../lifecycle/delete";
import { loadRecord } from "../state/store";
import type { ShimArguments } from "./arguments";
import { unmountRootfs } from "./rootfs-mounts";
import { loadShimState } from "./shim-state";
import { timestampOf } from "./timestamp";

/** What a shell says of a process that was killed. */
const killedStatus = 128 + SIGKILL;

/**
 * `delete`: removes whatever is left of a container whose shim is gone, running or not, and says that it was
 * killed. The launcher has removed the socket of that shim. Returns the bytes of the answer; throws what a container that cannot be removed throws.
 */
export function cleanUp(
  args: ShimArguments,
  { addon, launch }: { readonly addon: Addon; readonly launch: LaunchFacts },
  bundle: string,
): Uint8Array {
  const { id } = args;
  const runtime = loadShimState(bundle);
  let pid = 0;
  if (runtime !== undefined) {
    pid = pidOf(runtime.stateRoot, id);
    const warn = (message: string) => writeAll(2, `${message}\n`);
    const options = { ...runtime, addon, launch, warn, rootless: "auto" as const };
    deleteContainer(options, { id, force: true });
  }
  unmountRootfs(addon, `${bundle}/rootfs`);
  const exitedAt = timestampOf(Date.now());
  return DeleteResponse.encode({ pid, exitStatus: killedStatus, exitedAt }).finish();
}

/** 0 when nothing is known of it any more. */
function pidOf(stateRoot: string, id: string): number {
  try {
    return loadRecord(stateRoot, id).init_process_pid;
  } catch {
    return 0;
  }
}
