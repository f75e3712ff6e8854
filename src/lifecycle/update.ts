import { applyDeviceRules } from "../cgroups/apply-device-rules";
import { applyLimits, limitsFor } from "../cgroups/apply-limits";
import { cgroupOf } from "../cgroups/cgroup";
import { withWholeQuota } from "../cgroups/whole-quota";
import { RuntimeError } from "../errors/runtime-error";
import type { Resources } from "../generated/config";
import { closeFile } from "../host/files";
import { readHostFacts } from "../host/read-facts";
import { exactJson } from "../spec/exact-json";
import { parseResources } from "../spec/parse-resources";
import { joinIssues } from "../spec/report";
import { readStatus } from "../state/status";
import { loadRecord } from "../state/store";
import { assertAllowed } from "./allowed";
import { lockContainer } from "./lock";
import type { RuntimeOptions } from "./requests";
import type { RdtSchemata } from "./update-rdt";

/**
 * Applies resources to a living container. What they do not name stays as it is. Of several limits those
 * before one that the kernel refuses stay applied.
 */
export function updateContainer(
  runtime: RuntimeOptions,
  id: string,
  resources: Resources,
  rdt: RdtSchemata = { l3CacheSchema: "", memBwSchema: "" },
): void {
  const { addon, stateRoot } = runtime;
  const checked = checkedResources(resources);
  loadRecord(stateRoot, id);
  const lock = lockContainer(addon, stateRoot, id);
  try {
    const record = loadRecord(stateRoot, id);
    assertAllowed("update", id, readStatus(stateRoot, record));
    const facts = readHostFacts();
    const cgroup = cgroupOf(facts.cgroups, record.cgroup_paths);
    const whole = withWholeQuota(cgroup, checked);
    const { devices, ...asked } = whole;
    const limits = limitsFor(cgroup, asked);
    const writeLimits = () => {
      applyLimits(cgroup, limits);
      if (devices !== undefined) applyDeviceRules(addon, cgroup, devices, facts);
    };
    if (record.tsoci.unit === undefined) writeLimits();
    else {
      // Loaded here: only a container in a unit of systemd needs it.
      const { updateUnit } = require("./update-unit") as typeof import("./update-unit");
      updateUnit(runtime, { record, cgroup, facts, resources: whole }, writeLimits);
    }
    if (rdt.l3CacheSchema !== "" || rdt.memBwSchema !== "") {
      const { updateRdt } = require("./update-rdt") as typeof import("./update-rdt");
      updateRdt(runtime, record, facts.resctrl, rdt);
    }
  } finally {
    closeFile(lock);
  }
}

/** Resources are checked as the part of a config.json that they are. */
function checkedResources(resources: Resources): Resources {
  const parsed = parseResources(exactJson(resources));
  if (parsed.ok) return parsed.resources;
  throw new RuntimeError("CONFIG_INVALID", joinIssues(parsed.issues));
}
