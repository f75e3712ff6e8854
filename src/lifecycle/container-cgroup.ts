import { applyDeviceRules } from "../cgroups/apply-device-rules";
import { type Cgroup, makeCgroup, removeCgroups } from "../cgroups/cgroup";
import { delegateCgroup } from "../cgroups/delegate";
import type { LimitWrite } from "../cgroups/limits/limit";
import type { Config, Resources } from "../generated/config";
import type { HostFacts } from "../plan/host-facts";
import type { RuntimeOptions } from "./requests";
import type { StartedUnit } from "./systemd-unit";
import type { UndoStack } from "./undo-stack";

export interface ContainerCgroup {
  /** The directories that had to be made. */
  readonly created: readonly string[];
  /** Applies what would keep init from being made. */
  limitProcesses(): void;
}

/** Makes the container's cgroup with all that `linux.resources` asks for. */
export function makeContainerCgroup(
  { addon }: RuntimeOptions,
  {
    cgroup,
    config,
    facts,
    unit,
  }: { cgroup: Cgroup; config: Config; facts: HostFacts; unit?: StartedUnit | undefined },
  undo: UndoStack,
): ContainerCgroup {
  const created: string[] = [];
  const leaves = new Set(cgroup.directories.map(({ path }) => path));
  undo.push("cgroup", () => removeCgroups(addon, created, leaves, { killLeft: true }));
  makeCgroup(cgroup, (directory) => created.push(directory), unit?.placeholderPid);
  // What systemd made for the container alone is the container's too.
  if (unit !== undefined) created.push(...[...leaves].filter((path) => !created.includes(path)));
  const resources = config.linux?.resources;
  const { limits, applyLimits } = limiter(cgroup, resources);
  const isOfProcesses = ({ controller }: LimitWrite) => controller === "pids";
  const limitTheRest = () => {
    applyLimits(limits.filter((limit) => !isOfProcesses(limit)));
    applyDeviceRules(addon, cgroup, resources?.devices, facts);
  };
  limitTheRest();
  delegateCgroup(cgroup, config);
  return {
    created,
    // Init may need helpers that are gone when the program runs: a first stage, and hooks.
    limitProcesses: () => {
      // With one limit systemd writes all of them again, as it rounds them.
      if (unit?.finish().wroteLimits) limitTheRest();
      applyLimits(limits.filter(isOfProcesses));
    },
  };
}

/** Loaded here: many a config has device rules and no limit. */
function limiter(cgroup: Cgroup, resources: Resources | undefined) {
  const isLimited = (member: string) => member !== "devices";
  if (resources === undefined || !Object.keys(resources).some(isLimited))
    return { limits: [], applyLimits: () => {} };
  const { applyLimits, limitsFor } =
    require("../cgroups/apply-limits") as typeof import("../cgroups/apply-limits");
  return {
    limits: limitsFor(cgroup, resources),
    applyLimits: (limits: readonly LimitWrite[]) => applyLimits(cgroup, limits),
  };
}
