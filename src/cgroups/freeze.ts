import type { Addon } from "../addon/bindings";
import { RuntimeError } from "../errors/runtime-error";
import { closeFile, readText, writeExisting } from "../host/files";
import { pause } from "../host/pause";
import { joinPath } from "../spec/paths";
import { type FreezableCgroup, freezerOf } from "./freezer";

/** How long processes may take to come to a stop; one in an uninterruptible sleep takes as long as that. */
const freezeDeadlineMs = 10_000;

/** Stops all processes of a cgroup. When that takes too long they go on, and it throws CGROUP_FAILED. */
export function freeze(addon: Addon, cgroup: FreezableCgroup): void {
  const deadline = Date.now() + freezeDeadlineMs;
  try {
    const isDone =
      cgroup.version === 1
        ? freezeLegacy(cgroup, deadline)
        : freezeUnified(addon, cgroup, deadline);
    if (isDone) return;
  } catch (cause) {
    throw new RuntimeError("CGROUP_FAILED", `freeze the cgroup "${cgroup.path}"`, { cause });
  }
  thawCgroup(cgroup);
  throw new RuntimeError(
    "CGROUP_FAILED",
    `freeze the cgroup "${cgroup.path}": its processes have not stopped after ${freezeDeadlineMs} ms`,
  );
}

/** Lets all processes of a cgroup go on. Throws CGROUP_FAILED. */
export function thawCgroup({ version, path }: FreezableCgroup): void {
  const { file, thawed } = freezerOf(version, path);
  try {
    writeExisting(file, thawed);
  } catch (cause) {
    throw new RuntimeError("CGROUP_FAILED", `thaw the cgroup "${path}"`, { cause });
  }
}

/**
 * Cgroup v1 says "FREEZING" as long as somebody runs, tells nobody when that ends, and may miss a process that
 * was just born: each write looks for those again (cgroup-v1/freezer-subsystem.rst).
 */
function freezeLegacy({ path }: FreezableCgroup, deadline: number): boolean {
  const { file } = freezerOf(1, path);
  while (Date.now() < deadline) {
    writeExisting(file, "FROZEN");
    if (readText(file).trim() === "FROZEN") return true;
    pause(1);
  }
  return false;
}

/** Watched before the write, so that no change is missed (cgroups(7), cgroup.events). */
function freezeUnified(addon: Addon, { path }: FreezableCgroup, deadline: number): boolean {
  const events = joinPath(path, "cgroup.events");
  const watch = addon.watchFile({ path: events });
  try {
    writeExisting(freezerOf(2, path).file, "1");
    for (let left = deadline - Date.now(); left > 0; left = deadline - Date.now()) {
      if (readText(events).includes("frozen 1")) return true;
      addon.waitReadable({ fds: [watch], timeoutMs: left });
      addon.drain({ fd: watch });
    }
    return false;
  } finally {
    closeFile(watch);
  }
}
