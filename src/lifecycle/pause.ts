import { freeze, thawCgroup } from "../cgroups/freeze";
import { type FreezableCgroup, freezableCgroup } from "../cgroups/freezer";
import { RuntimeError } from "../errors/runtime-error";
import { closeFile } from "../host/files";
import { readStatus } from "../state/status";
import { loadRecord } from "../state/store";
import { assertAllowed } from "./allowed";
import { lockContainer } from "./lock";
import type { RuntimeOptions } from "./requests";

/** `pause`: stops every process of the container where it is, until `resume`. */
export function pauseContainer(runtime: RuntimeOptions, id: string): void {
  withCgroup(runtime, id, "pause", (cgroup) => freeze(runtime.addon, cgroup));
}

/** `resume`: lets the processes of a paused container go on. */
export function resumeContainer(runtime: RuntimeOptions, id: string): void {
  withCgroup(runtime, id, "resume", thawCgroup);
}

function withCgroup(
  { addon, stateRoot }: RuntimeOptions,
  id: string,
  operation: "pause" | "resume",
  use: (cgroup: FreezableCgroup) => void,
): void {
  loadRecord(stateRoot, id);
  const lock = lockContainer(addon, stateRoot, id);
  try {
    const record = loadRecord(stateRoot, id);
    assertAllowed(operation, id, readStatus(stateRoot, record));
    const cgroup = freezableCgroup(record.cgroup_paths);
    if (cgroup === undefined) {
      throw new RuntimeError("CGROUP_FAILED", "the container has no cgroup of its own to freeze");
    }
    use(cgroup);
  } finally {
    closeFile(lock);
  }
}
