import { listProcesses } from "../cgroups/cgroup";
import { RuntimeError } from "../errors/runtime-error";
import {
  changeSchemata,
  hasResource,
  joinGroups,
  locateGroups,
  makeGroups,
} from "../resctrl/groups";
import type { ContainerRecord } from "../state/record";
import { saveRecord } from "../state/store";
import type { RuntimeOptions } from "./requests";
import { UndoStack } from "./undo-stack";

/** What `update` may change of Intel RDT; "" leaves it as it is. */
export interface RdtSchemata {
  readonly l3CacheSchema: string;
  readonly memBwSchema: string;
}

/** In runc's words, each with the directory of the resctrl file system that says that it is there. */
const resources = [
  {
    schema: "l3CacheSchema",
    resource: "L3",
    refusal: "Intel RDT/CAT: l3 cache schema is not enabled",
  },
  {
    schema: "memBwSchema",
    resource: "MB",
    refusal: "Intel RDT/MBA: memory bandwidth schema is not enabled",
  },
] as const;

/** Gives the container's class of service other schemata, and a class of its own to a container without one. */
export function updateRdt(
  { stateRoot }: RuntimeOptions,
  record: ContainerRecord,
  root: string | undefined,
  rdt: RdtSchemata,
): void {
  for (const { schema, resource, refusal } of resources) {
    const isMissing = root === undefined || !hasResource(root, resource);
    if (rdt[schema] !== "" && isMissing) throw new RuntimeError("CONFIG_UNSUPPORTED", refusal);
  }
  const groups = locateGroups(root, rdt, record.id);
  if (groups === undefined) return;
  if (record.intel_rdt_path !== undefined) {
    changeSchemata({ ...groups, classDir: record.intel_rdt_path });
    return;
  }
  const undo = new UndoStack();
  try {
    const made = makeGroups(groups, undo);
    for (const pid of listProcesses(record.cgroup_paths)) joinGroups(groups, pid);
    const createdGroups = [...(record.tsoci.createdGroups ?? []), ...made];
    saveRecord(stateRoot, {
      ...record,
      intel_rdt_path: groups.classDir,
      tsoci: { ...record.tsoci, createdGroups },
    });
  } catch (error) {
    undo.rollBack();
    throw error;
  }
}
