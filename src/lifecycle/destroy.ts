import type { Addon } from "../addon/bindings";
import { listProcesses, removeCgroups } from "../cgroups/cgroup";
import { RuntimeError } from "../errors/runtime-error";
import { closeFile } from "../host/files";
import {
  deathDeadlineMs,
  killAndWait,
  SIGKILL,
  signalIfAlive,
  waitForEnd,
  withPidfds,
} from "../host/pidfds";
import { hookState } from "../state/oci-state";
import { openInit } from "../state/open-init";
import type { ContainerRecord } from "../state/record";
import { thaw } from "../state/status";
import { removeContainerDir } from "../state/store";
import type { RuntimeOptions } from "./requests";

/**
 * Undoes what `create` did, and runs the poststop hooks: runtime.md#lifecycle, steps 12 and 13. Every part
 * may have been done before, so that it finishes whatever a crash left.
 */
export function destroyContainer(
  runtime: RuntimeOptions,
  record: ContainerRecord,
  options: { readonly kill: boolean },
): void {
  const { addon, stateRoot } = runtime;
  if (options.kill) killInit(addon, record);
  // Without a pid namespace of its own the others live on; with one, whoever is left in the cgroup is a stranger.
  const killLeft = !record.tsoci.ownPidNamespace;
  if (killLeft) endOthers(addon, record);
  const { hostMount } = record.tsoci;
  if (hostMount !== undefined) loadHostMount().detachHostMount(addon, hostMount);
  removeCgroups(addon, record.tsoci.createdCgroups, new Set(Object.values(record.cgroup_paths)), {
    killLeft,
  });
  const { createdGroups = [] } = record.tsoci;
  if (createdGroups.length > 0) {
    const { removeGroups } = require("../resctrl/groups") as typeof import("../resctrl/groups");
    removeGroups(createdGroups);
  }
  if (record.tsoci.unit !== undefined) {
    const { stopUnit } = require("./systemd-unit") as typeof import("./systemd-unit");
    stopUnit(runtime, record);
  }
  removeContainerDir(stateRoot, record.id);
  const { bundle, annotations, hooks } = record.tsoci;
  if (hooks.poststop.length === 0) return;
  const { runPoststopHooks } = require("../hooks/run-hooks") as typeof import("../hooks/run-hooks");
  const state = hookState({ id: record.id, bundle, annotations }, 0, "stopped");
  runPoststopHooks(runtime, hooks.poststop, bundle, state, runtime.warn);
}

/** Loaded here: few containers are without a mount namespace. */
const loadHostMount = () => require("./host-mount") as typeof import("./host-mount");

/** Until nobody is left: one may have forked before the signal reached it. */
function endOthers(addon: Addon, record: ContainerRecord): void {
  const deadline = Date.now() + deathDeadlineMs;
  for (
    let left = listProcesses(record.cgroup_paths);
    left.length > 0;
    left = listProcesses(record.cgroup_paths)
  ) {
    if (Date.now() >= deadline) {
      throw new RuntimeError(
        "HOST_FAILED",
        `processes ${left.join(", ")} were killed and have not ended after ${deathDeadlineMs} ms`,
      );
    }
    withPidfds(addon, left, (pidfds) => {
      for (const pidfd of pidfds) signalIfAlive(addon, pidfd, SIGKILL);
      thaw(record);
      waitForEnd(addon, pidfds, deadline - Date.now());
    });
  }
}

function killInit(addon: Addon, record: ContainerRecord): void {
  const pidfd = openInit(addon, record);
  if (pidfd === undefined) return;
  try {
    killAndWait(addon, pidfd, `init, process ${record.init_process_pid}`, {
      afterSignal: () => thaw(record),
    });
  } finally {
    closeFile(pidfd);
  }
}
