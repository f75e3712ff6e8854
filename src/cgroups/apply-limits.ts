import { isErrno } from "../errors/describe";
import { RuntimeError } from "../errors/runtime-error";
import type { Resources } from "../generated/config";
import { isThere, listDirectory, readText, writeExisting } from "../host/files";
import type { CgroupLayout } from "../plan/host-facts";
import { joinPath } from "../spec/paths";
import { type Cgroup, directoryOf } from "./cgroup";
import { type Controller, type LimitWrite, supposedController } from "./limits/limit";
import { type CgroupView, listLimits } from "./limits/list-limits";

/** The limits of `linux.resources` as writes to this cgroup, which is there. Throws what listLimits throws. */
export const limitsFor = (cgroup: Cgroup, resources: Resources): readonly LimitWrite[] =>
  listLimits(resources, viewOf(cgroup));

/** The same before the cgroup is made: its files are supposed to be there. */
export function supposedLimits(
  { mode, hierarchies }: CgroupLayout,
  resources: Resources | undefined,
): readonly LimitWrite[] {
  const isUnified = mode === "unified";
  return listLimits(resources ?? {}, {
    isUnified,
    unified: isUnified ? supposedController("", 2) : undefined,
    find: (name) => {
      if (isUnified) return name === "blkio" ? undefined : supposedController(name, 2);
      const isThere = hierarchies.some(({ controllers }) => controllers.includes(name));
      return isThere ? supposedController(name, 1) : undefined;
    },
  });
}

/**
 * Writes limits in their order. Those that check each other may be refused until their neighbours are
 * written, and are tried again. Throws CGROUP_FAILED with what the kernel said; writes before it stay.
 */
export function applyLimits(cgroup: Cgroup, limits: readonly LimitWrite[]): void {
  const refused: LimitWrite[] = [];
  for (const limit of limits) {
    try {
      write(cgroup, limit);
    } catch (error) {
      if (limit.whenRefused === "retry" && isErrno(error, "EINVAL")) refused.push(limit);
      else if (limit.whenRefused !== "ignore") throw explain(cgroup, limit, error);
    }
  }
  for (const limit of refused) {
    try {
      write(cgroup, limit);
    } catch (error) {
      throw explain(cgroup, limit, error);
    }
  }
}

const write = (cgroup: Cgroup, limit: LimitWrite) =>
  writeExisting(pathOf(cgroup, limit), limit.value);

function explain(cgroup: Cgroup, limit: LimitWrite, cause: unknown): RuntimeError {
  const { value, property } = limit;
  const path = pathOf(cgroup, limit);
  const inUse = isErrno(cause, "EBUSY") ? usage(cgroup, limit) : "";
  return new RuntimeError(
    "CGROUP_FAILED",
    `apply "${property}": write "${value}" to "${path}"${inUse}`,
    { cause },
  );
}

/** A limit of memory below what cannot be freed is refused: the figures say by how much. */
function usage(cgroup: Cgroup, { controller, file, value }: LimitWrite): string {
  if (controller !== "memory" || !file.endsWith(".limit_in_bytes")) return "";
  const read = (name: string) => viewOf(cgroup).find("memory")?.read(name);
  const [now, peak] = [read("memory.usage_in_bytes"), read("memory.max_usage_in_bytes")];
  return `: unable to set memory limit to ${value} (current usage: ${now}, peak usage: ${peak})`;
}

function pathOf(cgroup: Cgroup, { controller, file }: LimitWrite): string {
  const directory = directoryOf(cgroup, controller);
  if (directory === undefined) throw new Error(`no hierarchy has the controller "${controller}"`);
  return joinPath(directory.path, file);
}

/** The container's cgroup as it is now. */
export function viewOf(cgroup: Cgroup): CgroupView {
  const { directories } = cgroup;
  const unified = directories.find(({ hierarchy }) => hierarchy.version === 2);
  const isUnified = directories.length === 1 && unified !== undefined;
  let enabled: readonly string[] | undefined;
  return {
    isUnified,
    unified: unified === undefined ? undefined : controllerAt("", 2, unified.path),
    find(name) {
      const found = directoryOf(cgroup, name);
      if (found === undefined) return undefined;
      const { hierarchy, path } = found;
      if (hierarchy.version === 1) return controllerAt(name, 1, path);
      enabled ??= readText(joinPath(path, "cgroup.controllers")).trim().split(" ");
      return enabled.includes(name) ? controllerAt(name, 2, path) : undefined;
    },
  };
}

function controllerAt(name: string, version: 1 | 2, path: string): Controller {
  return {
    name,
    version,
    has: (file) => isThere(joinPath(path, file)),
    read: (file) => {
      try {
        return readText(joinPath(path, file)).trim();
      } catch (error) {
        if (isErrno(error, "ENOENT")) return undefined;
        throw new RuntimeError("CGROUP_FAILED", `read "${path}/${file}"`, { cause: error });
      }
    },
    files: () => listDirectory(path).map((entry) => entry.name),
  };
}
