import { listProcesses, signalIfAlive } from "../cgroups/cgroup";
import { isErrno } from "../errors/describe";
import { RuntimeError } from "../errors/runtime-error";
import { closeFile } from "../host/files";
import type { ContainerRecord } from "../state/record";
import { readStatus } from "../state/status";
import { loadRecord } from "../state/store";
import { assertAllowed } from "./allowed";
import { openInit } from "./destroy";
import type { KillRequest, RuntimeOptions } from "./requests";

/** `kill`: sends a signal to the container's process. runtime.md#kill */
export function killContainer(runtime: RuntimeOptions, { id, signal, all }: KillRequest): void {
  const record = loadRecord(runtime.stateRoot, id);
  const status = readStatus(runtime.stateRoot, record);
  // Callers send `--all` to a stopped container whose processes outlived its init; nobody left is no error.
  if (all && status === "stopped") {
    signalAll(runtime, record, signal);
    return;
  }
  assertAllowed("kill", id, status);
  // Without a pid namespace of its own, the others do not end with init: `kill` ends them all.
  const killsAll = !record.tsoci.ownPidNamespace && (all || signal === 9);
  if (killsAll) signalAll(runtime, record, signal);
  else signalInit(runtime, record, signal);
}

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
  for (const pid of listProcesses(record.cgroup_paths)) {
    let pidfd: number;
    try {
      pidfd = addon.openPidfd({ pid });
    } catch (error) {
      if (isErrno(error, "ESRCH")) continue;
      throw error;
    }
    try {
      signalIfAlive(addon, pidfd, signal);
    } finally {
      closeFile(pidfd);
    }
  }
}
