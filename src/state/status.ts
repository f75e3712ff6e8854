import { type Freezer, freezableCgroup, freezerOf, isFrozen, thawBelow } from "../cgroups/freezer";
import { isGone } from "../errors/describe";
import { isThere, writeExisting } from "../host/files";
import { isThatProcess } from "../host/pidfds";
import { readBootId, readProcessStatus } from "../host/proc";
import type { ContainerRecord } from "./record";
import { gatePath } from "./store";

/** The four of runtime.md#state, and runc's word for a frozen container. */
export type Status = "creating" | "created" | "running" | "stopped" | "paused";

/** The name that native/init/main.cc gives itself; the program's replaces it. */
const initComm = "tsoci:[init]";

/** Derives the status from what is there now. It is never stored: a stored one would be a guess after a crash. */
export function readStatus(stateRoot: string, record: ContainerRecord): Status {
  const { creator } = record.tsoci;
  if (record.init_process_pid === 0) {
    const isBeingMade =
      creator !== undefined && record.tsoci.bootId === readBootId() && isThatProcess(creator);
    return isBeingMade ? "creating" : "stopped";
  }
  const init = readLiveInit(record);
  if (init === undefined) return "stopped";
  if (findFrozen(record) !== undefined) return "paused";
  const waits = init.comm === initComm && isThere(gatePath(stateRoot, record.id));
  return waits ? "created" : "running";
}

/** Init, if it lives. A process of that pid with another start time is a stranger. */
export function readLiveInit(record: ContainerRecord): { readonly comm: string } | undefined {
  const status = readProcessStatus(record.init_process_pid);
  if (status === undefined || status.startTimeTicks !== record.init_process_start) return undefined;
  if (status.state === "Z" || status.state === "X") return undefined;
  // The same pid and start time after a reboot is unlikely, and still no reason to kill it.
  return record.tsoci.bootId === readBootId() ? status : undefined;
}

/**
 * Whether init, whose link has ended, did not become the program: its name tells, as long as somebody has to
 * reap it. An execve too ends the link before it changes the name, but not the process.
 */
export function diedAsInit(pid: number): boolean {
  const status = readProcessStatus(pid);
  return status?.isEnding === true && status.comm === initComm;
}

/** Lets frozen processes go on, further down too: one that was killed ends only then (cgroup v1, freezer). */
export function thaw(record: ContainerRecord): void {
  const frozen = findFrozen(record);
  if (frozen !== undefined) writeExisting(frozen.file, frozen.thawed);
  const { freezer } = record.cgroup_paths;
  if (freezer !== undefined) thawBelow(freezer);
}

/** The freezer that holds the container; a cgroup that somebody removed is not frozen. */
function findFrozen({ cgroup_paths }: ContainerRecord): Freezer | undefined {
  const cgroup = freezableCgroup(cgroup_paths);
  if (cgroup === undefined) return undefined;
  const freezer = freezerOf(cgroup.version, cgroup.path);
  try {
    return isFrozen(freezer) ? freezer : undefined;
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}
