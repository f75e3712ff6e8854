import type { IdMapping } from "../generated/config";

/** Lines for /proc/PID/uid_map: first id inside, first id outside, count (user_namespaces(7)). */
export function idMapText(mappings: readonly IdMapping[]): string {
  return mappings
    .map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}\n`)
    .join("");
}

/** The id outside that `id` stands for, or undefined when it is not mapped. */
export function hostIdOf(mappings: readonly IdMapping[], id: number): number | undefined {
  const range = mappings.find(
    ({ containerID, size }) => id >= containerID && id < containerID + size,
  );
  return range === undefined ? undefined : range.hostID + (id - range.containerID);
}
