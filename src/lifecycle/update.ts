import { applyDeviceRules } from "../cgroups/apply-device-rules";
import { applyLimits, limitsFor } from "../cgroups/apply-limits";
import { cgroupOf } from "../cgroups/cgroup";
import { RuntimeError } from "../errors/runtime-error";
import type { Resources } from "../generated/config";
import { closeFile } from "../host/files";
import { readHostFacts } from "../host/read-facts";
import { exactJson } from "../spec/exact-json";
import { parseConfig } from "../spec/parse-config";
import { readStatus } from "../state/status";
import { loadRecord } from "../state/store";
import { lockContainer } from "./lock";
import type { RuntimeOptions } from "./requests";

/**
 * Applies resources to a living container. What they do not name stays as it is. Of several limits those
 * before one that the kernel refuses stay applied.
 */
export function updateContainer(runtime: RuntimeOptions, id: string, resources: Resources): void {
  const { addon, stateRoot } = runtime;
  assertValid(resources);
  loadRecord(stateRoot, id);
  const lock = lockContainer(addon, stateRoot, id);
  try {
    const record = loadRecord(stateRoot, id);
    const status = readStatus(stateRoot, record);
    if (status === "stopped" || status === "creating") {
      throw new RuntimeError(
        "CONTAINER_WRONG_STATUS",
        `cannot update a container that is ${status}`,
      );
    }
    const facts = readHostFacts();
    const cgroup = cgroupOf(facts.cgroups, record.cgroup_paths);
    applyLimits(cgroup, limitsFor(cgroup, resources));
    if (resources.devices !== undefined) {
      applyDeviceRules(addon, cgroup, resources.devices, facts);
    }
  } finally {
    closeFile(lock);
  }
}

/** Resources are checked as the part of a config.json that they are. */
function assertValid(resources: Resources): void {
  const config = { ociVersion: "1.3.0", root: { path: "/" }, linux: { resources } };
  const parsed = parseConfig(new TextEncoder().encode(exactJson(config)));
  if (parsed.ok) return;
  const issues = parsed.issues.map(({ pointer, message }) => `"${pointer}" ${message}`);
  throw new RuntimeError("CONFIG_INVALID", issues.join("; "));
}
