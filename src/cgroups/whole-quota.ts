import type { Resources } from "../generated/config";
import { viewOf } from "./apply-limits";
import type { Cgroup } from "./cgroup";
import { isSet } from "./limits/limit";

/**
 * With the period to a quota, and the quota to a period, that the cgroup has now: cgroup v2 keeps both in one file,
 * and systemd counts by their quotient.
 */
export function withWholeQuota(cgroup: Cgroup, resources: Resources): Resources {
  const { cpu = {} } = resources;
  if (isSet(cpu.quota) === isSet(cpu.period)) return resources;
  const controller = viewOf(cgroup).find("cpu");
  const [quota, period] =
    controller?.version === 1
      ? [controller.read("cpu.cfs_quota_us"), controller.read("cpu.cfs_period_us")]
      : (controller?.read("cpu.max")?.split(" ") ?? []);
  if (quota === undefined || period === undefined) return resources;
  const missing = isSet(cpu.quota)
    ? { period: Number(period) }
    : { quota: quota === "max" ? -1 : Number(quota) };
  return { ...resources, cpu: { ...cpu, ...missing } };
}
