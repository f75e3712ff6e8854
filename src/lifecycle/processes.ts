import { listProcesses } from "../cgroups/cgroup";
import { RuntimeError } from "../errors/runtime-error";
import { loadRecord } from "../state/store";
import type { RuntimeOptions } from "./requests";

/**
 * The pids of all processes in the container's cgroup and those below it, as the caller's pid namespace has
 * them: processes of a nested pid namespace have pids there too. None of a stopped container.
 */
export function listContainerProcesses(
  { stateRoot }: Pick<RuntimeOptions, "stateRoot">,
  id: string,
): number[] {
  const { cgroup_paths } = loadRecord(stateRoot, id);
  try {
    return [...new Set(listProcesses(cgroup_paths))].sort((a, b) => a - b);
  } catch (cause) {
    throw new RuntimeError("CGROUP_FAILED", "list the processes of the container's cgroup", {
      cause,
    });
  }
}
