import { readdirSync, readFileSync } from "node:fs";
import type { Addon } from "../addon/bindings";
import { isErrno } from "../errors/describe";
import { reapChild } from "../host/pidfds";
import { readProcessStatus } from "../host/proc";

/**
 * Collects what ends as a child of this shim and was not started by it: processes of containers whose parents
 * have ended come to us, the nearest subreaper (prctl(2), PR_SET_CHILD_SUBREAPER).
 *
 * Asked only while no operation runs: then whoever is our child is known, or nobody's business.
 */
export function collectOrphans(addon: Addon, own: ReadonlySet<number>): void {
  for (const pid of children()) {
    if (own.has(pid) || readProcessStatus(pid)?.state !== "Z") continue;
    reapChild(addon, addon.openPidfd({ pid }));
  }
}

/** Each thread has its own: proc(5), /proc/PID/task/TID/children. */
function children(): number[] {
  return readdirSync("/proc/self/task").flatMap((thread) =>
    childrenOf(thread).split(" ").filter(Boolean).map(Number),
  );
}

function childrenOf(thread: string): string {
  try {
    return readFileSync(`/proc/self/task/${thread}/children`, "utf8");
  } catch (error) {
    // A thread that has ended meanwhile; its children are another's now.
    if (isErrno(error, "ENOENT") || isErrno(error, "ESRCH")) return "";
    throw error;
  }
}
