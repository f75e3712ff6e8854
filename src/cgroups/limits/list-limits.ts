import { RuntimeError } from "../../errors/runtime-error";
import type { Resources } from "../../generated/config";
import { escapePointerStep } from "../../spec/json-pointer";
import { listBlockIoLimits } from "./block-io";
import { listCpuLimits, listCpusetLimits } from "./cpu";
import {
  type Controller,
  LimitList,
  type LimitWrite,
  supposedController,
  unsupported,
} from "./limit";
import { listMemoryLimits } from "./memory";
import {
  listHugepageLimits,
  listNetworkClass,
  listNetworkPriorities,
  listPidsLimits,
  listRdmaLimits,
} from "./others";

/** The container's cgroup, as far as limits depend on it. */
export interface CgroupView {
  /** Whether cgroup v2 is all that the machine has. */
  readonly isUnified: boolean;
  /** Undefined when the container's cgroup has no such controller. */
  find(name: string): Controller | undefined;
  /** The files of cgroup v2 itself and of all its controllers. */
  readonly unified: Controller | undefined;
}

/** A member of `linux.resources`, in the order of writing. `names`: of its controller, in v1 and v2. */
interface Member {
  readonly name: keyof Resources;
  readonly names: { readonly v1: string; readonly v2: string };
  readonly list: (resources: Resources, list: LimitList) => void;
}

const member = <Name extends keyof Resources>(
  name: Name,
  v1: string,
  list: (value: NonNullable<Resources[Name]>, limits: LimitList) => void,
  v2 = v1,
): Member => ({
  name,
  names: { v1, v2 },
  list: (resources, limits) => {
    const value = resources[name];
    if (value !== undefined) list(value, limits);
  },
});

const members: readonly Member[] = [
  member("memory", "memory", listMemoryLimits),
  member("cpu", "cpuset", listCpusetLimits),
  member("cpu", "cpu", listCpuLimits),
  member("blockIO", "blkio", listBlockIoLimits, "io"),
  member("hugepageLimits", "hugetlb", listHugepageLimits),
  member("rdma", "rdma", listRdmaLimits),
  member("network", "net_cls", listNetworkClass),
  member("network", "net_prio", listNetworkPriorities),
  member("pids", "pids", listPidsLimits),
];

/**
 * `linux.resources` without its device rules, as writes in their order: config-linux.md#control-groups. Throws
 * CONFIG_UNSUPPORTED for what this cgroup cannot do: nothing that was asked for is left out in silence.
 */
export function listLimits(resources: Resources, cgroup: CgroupView): readonly LimitWrite[] {
  const limits = members.flatMap(({ name, names, list }) => {
    const controller = cgroup.find(names.v1) ?? cgroup.find(names.v2);
    // Shows whether anything would be asked of one that is not there.
    const missing = () =>
      cgroup.isUnified ? supposedController(names.v2, 2) : supposedController(names.v1, 1);
    const pointer = `/linux/resources/${name}`;
    const listed = new LimitList(controller ?? missing(), pointer);
    list(resources, listed);
    const [first] = listed.writes;
    if (controller === undefined && first !== undefined) {
      throw unsupported(
        first.property,
        `needs the cgroup controller "${listed.controller.name}", which the container's cgroup does not have`,
      );
    }
    return listed.writes;
  });
  return [...limits, ...listUnifiedFiles(resources.unified ?? {}, cgroup)];
}

/** Who writes to these moves; the container's cgroup, and what is in it, ends with the container. */
const movingFiles: ReadonlySet<string> = new Set(["cgroup.procs", "cgroup.threads"]);

/** config-linux.md#unified: file names of cgroup v2, and their text. */
function listUnifiedFiles(
  files: Readonly<Record<string, string>>,
  { isUnified, unified }: CgroupView,
): LimitWrite[] {
  const writes: LimitWrite[] = [];
  for (const [file, text] of Object.entries(files)) {
    const property = `/linux/resources/unified/${escapePointerStep(file)}`;
    if (!isUnified || unified === undefined) {
      throw unsupported(
        property,
        "is an invalid configuration here: it is of cgroup v2, and this machine has cgroup v1",
      );
    }
    if (movingFiles.has(file)) {
      throw new RuntimeError(
        "CONFIG_INVALID",
        `"${property}" would move processes, the writer among them, and is no limit`,
      );
    }
    const [controller = ""] = file.split(".");
    if (!unified.has(file)) {
      throw unsupported(
        property,
        `can't be set: the container's cgroup has no such file, and its controllers are ${unified.read("cgroup.controllers") || "none"}`,
      );
    }
    // The kernel takes one line for each write.
    for (const value of text.split("\n").filter(Boolean)) {
      writes.push({ controller, file, value, property });
    }
  }
  return writes;
}
