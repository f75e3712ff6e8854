import { isErrno } from "../errors/describe";
import { RuntimeError } from "../errors/runtime-error";
import type { Resources } from "../generated/config";
import { isThere, listDirectory, readText, writeExisting } from "../host/files";
import type { CgroupLayout } from "../plan/host-facts";
import { joinPath } from "../spec/paths";
import type { Cgroup, CgroupDirectory } from "./cgroup";
import type { Controller, LimitWrite } from "./limits/limit";
import { type CgroupView, listLimits } from "./limits/list-limits";

/** The limits of `linux.resources` as writes to this cgroup, which is there. Throws what listLimits throws. */
export function limitsFor(cgroup: Cgroup, resources: Resources | undefined): readonly LimitWrite[] {
  return resources === undefined ? [] : listLimits(resources, viewOf(cgroup));
}

/** The same before the cgroup is made: its files are supposed to be there. */
export function supposedLimits(
  { mode, hierarchies }: CgroupLayout,
  resources: Resources | undefined,
): readonly LimitWrite[] {
  const supposed = (name: string, version: 1 | 2): Controller => ({
    name,
    version,
    has: () => true,
    read: () => undefined,
    files: () => [],
  });
  const isUnified = mode === "unified";
  return listLimits(resources ?? {}, {
    isUnified,
    unified: isUnified ? supposed("", 2) : undefined,
    find: (name) => {
      if (isUnified) return name === "blkio" ? undefined : supposed(name, 2);
      const isThere = hierarchies.some(({ controllers }) => controllers.includes(name));
      return isThere ? supposed(name, 1) : undefined;
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

function write(cgroup: Cgroup, { controller, file, value }: LimitWrite): void {
  writeExisting(joinPath(directoryOf(cgroup, controller).path, file), value);
}

function explain(cgroup: Cgroup, limit: LimitWrite, cause: unknown): RuntimeError {
  const { file, value, property } = limit;
  const path = joinPath(directoryOf(cgroup, limit.controller).path, file);
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

/** The directory whose hierarchy has this controller; what no v1 hierarchy has is v2's. */
function directoryOf({ directories }: Cgroup, controller: string): CgroupDirectory {
  const found =
    directories.find(({ hierarchy }) => hierarchy.controllers.includes(controller)) ??
    directories.find(({ hierarchy }) => hierarchy.version === 2);
  if (found === undefined) throw new Error(`no hierarchy has the controller "${controller}"`);
  return found;
}

function viewOf(cgroup: Cgroup): CgroupView {
  const { directories } = cgroup;
  const unified = directories.find(({ hierarchy }) => hierarchy.version === 2);
  const isUnified = directories.length === 1 && unified !== undefined;
  let enabled: readonly string[] | undefined;
  return {
    isUnified,
    unified: unified === undefined ? undefined : controllerAt("", 2, unified.path),
    find(name) {
      const legacy = directories.find(({ hierarchy }) => hierarchy.controllers.includes(name));
      if (legacy !== undefined) return controllerAt(name, 1, legacy.path);
      if (unified === undefined) return undefined;
      enabled ??= readText(joinPath(unified.path, "cgroup.controllers")).trim().split(" ");
      return enabled.includes(name) ? controllerAt(name, 2, unified.path) : undefined;
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
