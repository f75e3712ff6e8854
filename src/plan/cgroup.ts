import type { PlanContext, PlannedStep } from "./context";
import { planOomScore } from "./process";

/**
 * Init joins the v1 hierarchies itself, by their `tasks` files: for a single thread that moves itself the
 * kernel takes no lock over all processes, and so waits for no RCU grace period (cgroup_procs_write_start,
 * Linux 5.4), which takes ten milliseconds when the driver writes to cgroup.procs. In cgroup v2 it is born.
 */
export function planCgroup(context: PlanContext): PlannedStep[] {
  const { facts, options } = context;
  const tasksFds = facts.cgroups.hierarchies
    .filter(({ version }) => version === 1)
    .map(({ mountPoint }) =>
      context.descriptor({ kind: "cgroupTasks", path: `${mountPoint}${options.cgroupPath}/tasks` }),
    );
  const steps: PlannedStep[] =
    tasksFds.length === 0
      ? []
      : [{ step: { op: "joinCgroup", tasksFds }, property: "/linux/cgroupsPath" }];
  steps.push({ step: { op: "resetAffinity" }, property: "" }, ...planOomScore(context));
  return steps;
}
