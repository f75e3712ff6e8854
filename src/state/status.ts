import { isErrno } from "../errors/describe";
import { isThere, readText, writeExisting } from "../host/files";
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
      creator !== undefined &&
      record.tsoci.bootId === readBootId() &&
      readProcessStatus(creator.pid)?.startTimeTicks === creator.startTimeTicks;
    return isBeingMade ? "creating" : "stopped";
  }
  const init = readLiveInit(record);
  if (init === undefined) return "stopped";
  if (isFrozen(record)) return "paused";
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

/** Whether init ended before it became the program: its name tells, as long as somebody has to reap it. */
export function diedAsInit(pid: number): boolean {
  const status = readProcessStatus(pid);
  return (
    status !== undefined &&
    (status.state === "Z" || status.state === "X") &&
    status.comm === initComm
  );
}

function isFrozen(record: ContainerRecord): boolean {
  const freezer = findFreezer(record.cgroup_paths);
  return freezer !== undefined && readFreezer(freezer) !== freezer.thawed;
}

interface Freezer {
  readonly file: string;
  /** What the file holds, and takes, when nothing is frozen. */
  readonly thawed: string;
}

function findFreezer({
  freezer,
  "": unified,
}: ContainerRecord["cgroup_paths"]): Freezer | undefined {
  if (freezer !== undefined) return { file: `${freezer}/freezer.state`, thawed: "THAWED" };
  return unified === undefined ? undefined : { file: `${unified}/cgroup.freeze`, thawed: "0" };
}

/** A cgroup that somebody removed is not frozen. */
function readFreezer({ file, thawed }: Freezer): string {
  try {
    return readText(file).trim();
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "ENODEV")) return thawed;
    throw error;
  }
}

/** Lets frozen processes go on: one that was killed ends only then (cgroup v1, freezer). */
export function thaw(record: ContainerRecord): void {
  const freezer = findFreezer(record.cgroup_paths);
  if (freezer !== undefined && readFreezer(freezer) !== freezer.thawed)
    writeExisting(freezer.file, freezer.thawed);
}
