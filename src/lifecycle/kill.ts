import { listProcesses } from "../cgroups/cgroup";
import { isErrno } from "../errors/describe";
import { RuntimeError } from "../errors/runtime-error";
import { closeFile } from "../host/files";
import { SIGKILL, signalIfAlive, withPidfds } from "../host/pidfds";
import { openInit } from "../state/open-init";
import type { ContainerRecord } from "../state/record";
import { readStatus, thaw } from "../state/status";
import { loadRecord } from "../state/store";
import { assertAllowed } from "./allowed";
import type { KillRequest, RuntimeOptions } from "./requests";

/** `kill`: sends a signal to the container's process. runtime.md#kill */
export function killContainer(runtime: RuntimeOptions, { id, signal, all }: KillRequest): void {
  const record = loadRecord(runtime.stateRoot, id);
  const status = readStatus(runtime.stateRoot, record);
  // Callers send `--all` to a stopped container whose processes outlived its init; nobody left is no error.
  if (all && status === "stopped") {
    // With a pid namespace of its own they ended with init, and whoever is in the cgroup now is a stranger.
    if (!record.tsoci.ownPidNamespace) signalAll(runtime, record, signal);
    return;
  }
  // Without a pid namespace of its own, the others do not end with init: `kill` ends them all.
  const isShared = !record.tsoci.ownPidNamespace;
  const reachesAll = all || (isShared && signal === SIGKILL);
  const hasOutlived = isShared && reachesAll && status === "stopped" && hasProcesses(record);
  if (!hasOutlived) assertAllowed("kill", id, status);
  // Who has no cgroup has no list of its processes.
  const hasList = Object.keys(record.cgroup_paths).length > 0;
  if (reachesAll && hasList) signalAll(runtime, record, signal);
  else {
    signalInit(runtime, record, signal);
    if (status === "paused" && signal === SIGKILL) thaw(record);
  }
}

const hasProcesses = (record: ContainerRecord) => listProcesses(record.cgroup_paths).length > 0;

function signalInit({ addon }: RuntimeOptions, record: ContainerRecord, signal: number): void {
  const pidfd = openInit(addon, record);
  if (pidfd === undefined)
    throw new RuntimeError("CONTAINER_WRONG_STATUS", "container not running");
  try {
    addon.signalPidfd({ pidfd, signal });
  } catch (cause) {
    if (isErrno(cause, "ESRCH"))
      throw new RuntimeError("CONTAINER_WRONG_STATUS", "container not running", { cause });
    throw new RuntimeError("HOST_FAILED", `signal ${signal}`, { cause });
  } finally {
    closeFile(pidfd);
  }
}

function signalAll({ addon }: RuntimeOptions, record: ContainerRecord, signal: number): void {
  withPidfds(addon, listProcesses(record.cgroup_paths), (pidfds) => {
    for (const pidfd of pidfds) signalIfAlive(addon, pidfd, signal);
  });
  if (signal === SIGKILL) thaw(record);
}
