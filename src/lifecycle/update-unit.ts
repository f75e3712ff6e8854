import type { Cgroup } from "../cgroups/cgroup";
import { restoreLimits, takeSnapshot } from "../cgroups/systemd/exact-limits";
import { Manager } from "../cgroups/systemd/manager";
import { propertiesOfResources, propertiesOfTasks } from "../cgroups/systemd/properties";
import type { Resources } from "../generated/config";
import type { HostFacts } from "../plan/host-facts";
import type { ContainerRecord } from "../state/record";
import type { RuntimeOptions } from "./requests";
import { deviceProperties } from "./systemd-unit";

interface UnitUpdate {
  readonly record: ContainerRecord;
  readonly cgroup: Cgroup;
  readonly facts: HostFacts;
  /** With whole quotas, as systemd counts by them. */
  readonly resources: Resources;
}

/**
 * Has systemd keep the new limits, so that it does not go back to the old ones when it writes its own again, as at
 * a daemon-reload; then writes them exactly. With one property systemd writes all that it knows, rounded, and
 * the exact values of those that nobody asked to change are put back.
 */
export function updateUnit(
  { addon, launch, warn }: RuntimeOptions,
  { record, cgroup, facts, resources }: UnitUpdate,
  writeLimits: () => void,
): void {
  const { unit } = record.tsoci;
  if (unit === undefined) return;
  const { shares, idle } = resources.cpu ?? {};
  if (shares !== undefined && idle === 1) {
    warn('unable to apply both "shares" and "idle": what is idle has no weight');
  }
  const isUnified = facts.cgroups.mode === "unified";
  const before = takeSnapshot(cgroup);
  Manager.use(addon, launch, unit.manager, (connection) => {
    const properties = [
      ...propertiesOfResources(resources, { version: connection.readVersion(), isUnified }),
      ...propertiesOfTasks(resources),
      ...(resources.devices === undefined || unit.manager === "user"
        ? []
        : deviceProperties(resources)),
    ];
    if (properties.length > 0) connection.setProperties(unit.name, properties);
  });
  restoreLimits(cgroup, before);
  writeLimits();
}
