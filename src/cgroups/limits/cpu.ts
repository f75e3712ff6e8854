import { RuntimeError } from "../../errors/runtime-error";
import type { CpuLimits } from "../../generated/config";
import { type Amount, isSet, isUnlimited, type LimitList, orMax } from "./limit";

/** The `cpu` controller's part of `linux.resources.cpu`: config-linux.md#cpu. */
export function listCpuLimits(cpu: CpuLimits, list: LimitList): void {
  if (list.controller.version === 1) listLegacy(cpu, list);
  else listUnified(cpu, list);
}

/** The `cpuset` controller's part. The files are the same in both versions. */
export function listCpusetLimits({ cpus, mems }: CpuLimits, list: LimitList): void {
  if (cpus !== undefined && cpus !== "") list.write("cpus", "cpuset.cpus", cpus);
  if (mems !== undefined && mems !== "") list.write("mems", "cpuset.mems", mems);
}

function listLegacy(cpu: CpuLimits, list: LimitList): void {
  const { shares, idle, quota, period, burst, realtimePeriod, realtimeRuntime } = cpu;
  const noRealtime = "no limits for real-time scheduling (CONFIG_RT_GROUP_SCHED)";
  // A shorter period may be less than the runtime that is still there, and more than the parent's share of it.
  if (isSet(realtimePeriod)) {
    list.writeIfThere("realtimePeriod", "cpu.rt_period_us", realtimePeriod, noRealtime, "retry");
  }
  if (isSet(realtimeRuntime)) {
    list.writeIfThere("realtimeRuntime", "cpu.rt_runtime_us", realtimeRuntime, noRealtime, "retry");
  }
  // An idle cgroup has no weight to change.
  if (idle === 0) list.writeIfThere("idle", "cpu.idle", idle, noIdle);
  if (isSet(shares)) list.write("shares", "cpu.shares", checkedShares(shares, list));
  if (idle !== undefined && idle !== 0) list.writeIfThere("idle", "cpu.idle", idle, noIdle);
  // Each is checked against the other two, so any of them may have to wait for its neighbours.
  if (isSet(period)) list.write("period", "cpu.cfs_period_us", period, "retry");
  if (isSet(quota))
    list.write("quota", "cpu.cfs_quota_us", isUnlimited(quota) ? -1 : quota, "retry");
  if (burst !== undefined && needsBurst(burst, "cpu.cfs_burst_us", list)) {
    list.write("burst", "cpu.cfs_burst_us", burst, "retry");
  }
}

const noIdle = "no cpu.idle (Linux 5.15 has it)";

/** In microseconds: the kernel's own, which a limit without a period is about. */
export const defaultPeriod = 100_000;

function listUnified(cpu: CpuLimits, list: LimitList): void {
  const { shares, idle, quota, period, burst, realtimePeriod, realtimeRuntime } = cpu;
  if (isSet(realtimePeriod)) list.impossible("realtimePeriod", realtimePeriod);
  if (isSet(realtimeRuntime)) list.impossible("realtimeRuntime", realtimeRuntime);
  if (idle === 0) list.writeIfThere("idle", "cpu.idle", idle, noIdle);
  if (isSet(shares) && idle !== 1) {
    list.write("shares", "cpu.weight", weightOfShares(checkedShares(shares, list)));
  }
  if (idle !== undefined && idle !== 0) list.writeIfThere("idle", "cpu.idle", idle, noIdle);
  if (isSet(quota) || isSet(period)) {
    const most = isSet(quota) ? orMax(quota) : "max";
    const every = isSet(period) ? period : defaultPeriod;
    list.write(isSet(quota) ? "quota" : "period", "cpu.max", `${most} ${every}`, "retry");
  }
  if (burst !== undefined && needsBurst(burst, "cpu.max.burst", list)) {
    list.write("burst", "cpu.max.burst", burst, "retry");
  }
}

/** No burst is what a kernel without the file has anyway. */
function needsBurst(burst: Amount, file: string, list: LimitList): boolean {
  if (list.controller.has(file)) return true;
  if (!isSet(burst)) return false;
  list.writeIfThere("burst", file, burst, `no ${file} (Linux 5.14 has it)`);
  return false;
}

/** What kernels take; runc refuses others too, where the kernel would take the nearest in silence. */
const leastShares = 2;
const mostShares = 262_144;

export const isShares = (shares: Amount) => shares >= leastShares && shares <= mostShares;

function checkedShares(shares: Amount, list: LimitList): number {
  if (isShares(shares)) return Number(shares);
  throw new RuntimeError(
    "CONFIG_INVALID",
    `"${list.pointerTo("shares")}" is ${shares}: the minimum allowed cpu-shares is ${leastShares}, the maximum allowed cpu-shares is ${mostShares}`,
  );
}

/**
 * From 2 to 262144 shares to a weight from 1 to 10000, so that both ends and the middle, 1024 and 100, meet:
 * the curve that runc and crun have used since 2025.
 */
export function weightOfShares(shares: number): number {
  const l = Math.log2(shares);
  return Math.min(10_000, Math.ceil(10 ** ((l * l + 125 * l) / 612 - 7 / 34)));
}
