import { RuntimeError } from "../../errors/runtime-error";
import type { Any } from "../../generated/shim/any";
import type { RuntimeOptions } from "../../lifecycle/requests";
import { loadRecord } from "../../state/store";
import { encodedStats } from "../metrics";

/** What the kernel counts of a container, as containerd's message. Throws CONTAINER_UNKNOWN or CGROUP_FAILED. */
export function readStats({ stateRoot }: Pick<RuntimeOptions, "stateRoot">, id: string): Any {
  const stats = encodedStats(loadRecord(stateRoot, id).cgroup_paths);
  if (stats !== undefined) return stats;
  throw new RuntimeError("CONTAINER_UNKNOWN", "the container has no cgroup that counts: not found");
}
