import { filesOf } from "../cgroups/stats/read-stats";
import type { Any } from "../generated/shim/any";
import { Metrics as LegacyMetrics } from "../generated/shim/metrics-v1";
import { Metrics as UnifiedMetrics } from "../generated/shim/metrics-v2";
import { readText } from "../host/files";
import { pack } from "./any";
import { countingControllers, legacyMetrics } from "./metrics-v1";
import { unifiedMetrics } from "./metrics-v2";

/**
 * What the kernel counts of a container, in the message that containerd expects. `paths`: its cgroup's
 * directories by controller, "" for v2. Undefined when the container has none that counts. A cgroup that is
 * gone counts nothing. Throws CGROUP_FAILED. Blocks, if only for files of the kernel.
 *
 * On a machine with both versions it is v1, which has the controllers there: containerd takes that too.
 */
export function encodedStats(paths: Readonly<Record<string, string>>): Any | undefined {
  if (countingControllers.some((controller) => paths[controller] !== undefined)) {
    const find = (controller: string) => {
      const { [controller]: path } = paths;
      return path === undefined ? undefined : filesOf(1, path);
    };
    return pack(
      LegacyMetrics,
      legacyMetrics(find, () => readText("/proc/partitions")),
    );
  }
  const { "": unified } = paths;
  return unified === undefined
    ? undefined
    : pack(UnifiedMetrics, unifiedMetrics(filesOf(2, unified)));
}
