import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { cgroupDirs, removeCgroups } from "./host";

const budgetFile = "cpu.rt_runtime_us";

/** Whether cgroups have a budget of real time: CONFIG_RT_GROUP_SCHED, and cgroup v1. */
export const hasRealTimeBudgets = () => budgetedDirs("/").length > 0;

const budgetedDirs = (path: string) =>
  cgroupDirs(path).filter((dir) => existsSync(join(dir, budgetFile)));

/**
 * With CONFIG_RT_GROUP_SCHED a new cgroup has no time for real-time programs, and takes none. Returns
 * what removes the cgroups that get some, which the runtime finds there and so leaves.
 */
export function giveRealTimeBudget(cgroupPath: string): () => void {
  const dirs = budgetedDirs("/").map((dir) => join(dir, dirname(cgroupPath)));
  for (const dir of dirs) {
    for (const [path, budget] of [
      [dirname(dir), 400_000],
      [dir, 20_000],
      [join(dir, basename(cgroupPath)), 1_000],
    ] as const) {
      mkdirSync(path, { recursive: true });
      writeFileSync(join(path, budgetFile), String(budget));
    }
  }
  return () => removeCgroups(cgroupPath);
}
