import { existsSync, readFileSync } from "node:fs";
import type { Addon } from "../addon/bindings";
import { DeleteResponse } from "../generated/shim/task";
import { closeFile } from "../host/files";
import type { LaunchFacts } from "../host/launch-facts";
import { SIGKILL } from "../host/pidfds";
import { writeAll } from "../host/write-all";
import { deleteContainer } from "../lifecycle/delete";
import { parentOf } from "../spec/paths";
import { loadRecord } from "../state/store";
import type { ShimArguments } from "./arguments";
import { unmountRootfs } from "./rootfs-mounts";
import { loadShimState } from "./shim-state";
import { groupOf, socketPathOf } from "./socket-address";
import { answers, removeIfThere } from "./start";
import { timestampOf } from "./timestamp";

/** What a shell says of a process that was killed. */
const killedStatus = 128 + SIGKILL;

/**
 * `delete`: removes whatever is left of a container whose shim is gone, running or not, and says that it was
 * killed. Returns the bytes of the answer; throws what a container that cannot be removed throws.
 */
export async function cleanUp(
  args: ShimArguments,
  { addon, launch }: { readonly addon: Addon; readonly launch: LaunchFacts },
  bundle: string,
): Promise<Uint8Array> {
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
  await removeSocket(addon, args, bundle);
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

/** A group's socket stays when its shim is killed. Another shim may have taken it since, or may just be doing so. */
async function removeSocket(addon: Addon, args: ShimArguments, bundle: string): Promise<void> {
  const path = addressIn(bundle) ?? pathOf(args, bundle);
  if (path === undefined || !existsSync(path)) return;
  const lock = addon.lockDirectory({ path: parentOf(path), wait: true });
  try {
    if (!(await answers(path))) removeIfThere(path);
  } finally {
    closeFile(lock);
  }
}

/** What `start` has answered; undefined when it did not come so far. */
function addressIn(bundle: string): string | undefined {
  try {
    return readFileSync(`${bundle}/address`, "utf8").replace(/^unix:\/\//, "");
  } catch {
    return undefined;
  }
}

/** Undefined without a config: then there was no group, and no socket of it. */
function pathOf({ id, namespace, grpcAddress }: ShimArguments, bundle: string): string | undefined {
  try {
    const { annotations } = JSON.parse(readFileSync(`${bundle}/config.json`, "utf8"));
    return socketPathOf({ grpcAddress, namespace, group: groupOf(id, annotations) });
  } catch {
    return undefined;
  }
}
