import { isErrno } from "../errors/describe";
import { isThere, isWritable, readText } from "../host/files";
import type { CgroupHierarchy, CgroupLayout, HostFacts } from "../plan/host-facts";
import { cleanPath, joinPath, parentOf } from "../spec/paths";

/** Where a container's cgroup is to be. */
export interface CgroupPlace {
  /** From the top of each hierarchy. */
  readonly path: string;
  /** The hierarchies in which the container gets a cgroup of its own. */
  readonly layout: CgroupLayout;
  /** Why it gets none in some that there are. */
  readonly warning?: string;
}

/** As --rootless has it; "auto" looks at the user. */
export type Rootless = boolean | "auto";

/**
 * Chooses the place: config-linux.md#cgroups-path.
 *
 * A relative path, and the default, count from the top: the runtime's own cgroup is its caller's, and has
 * limits and a lifetime that are not the container's. An ordinary user, who may write nothing up there, has
 * on cgroup v2 a place beside the own cgroup, when that is delegated; what may not be written is left out,
 * unless the config names the path.
 */
export function placeCgroup(
  { cgroups, euid, inUserNamespace }: Pick<HostFacts, "cgroups" | "euid" | "inUserNamespace">,
  cgroupsPath: string | undefined,
  id: string,
  rootless: Rootless,
): CgroupPlace {
  const isNamed = cgroupsPath !== undefined && cgroupsPath !== "";
  const isOrdinary = euid !== 0 || inUserNamespace;
  const top = isNamed ? cleanPath(cgroupsPath) : `/${id}`;
  const mayDoWithout = rootless === "auto" ? isOrdinary : rootless;
  if (!mayDoWithout) return { path: top, layout: cgroups };
  const own = readOwnUnified();
  const isBeside = own !== undefined && cgroups.mode === "unified" && !cgroupsPath?.startsWith("/");
  const path = isBeside ? cleanPath(joinPath(parentOf(own), top)) : top;
  if (isNamed) return { path, layout: cgroups };
  const hierarchies = cgroups.hierarchies.filter((hierarchy) => mayMake(hierarchy, path, own));
  if (hierarchies.length === cgroups.hierarchies.length) return { path, layout: cgroups };
  return {
    path,
    layout: { ...cgroups, hierarchies },
    warning:
      hierarchies.length === 0
        ? "the container stays in the cgroup of its caller: there is no permission to make one for it"
        : `the container has a cgroup of its own only in ${hierarchies.map(({ mountPoint }) => mountPoint).join(", ")}`,
  };
}

/** In no cgroup of its own: the container stays in its caller's, whatever the config says. */
export const placeNowhere = ({ cgroups }: Pick<HostFacts, "cgroups">): CgroupPlace => ({
  path: "/",
  layout: { ...cgroups, hierarchies: [] },
});

/** Whether the caller may have a cgroup at `path`, and a process in it. */
export const isReachable = (hierarchy: CgroupHierarchy, path: string) =>
  mayMake(hierarchy, path, readOwnUnified());

/** Of the caller, from the top of cgroup v2: cgroups(7), /proc/[pid]/cgroup. */
function readOwnUnified(): string | undefined {
  try {
    const line = readText("/proc/self/cgroup")
      .split("\n")
      .find((text) => text.startsWith("0::"));
    return line?.slice("0::".length);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

/**
 * Whether a directory may be made at `path`, and a process of ours be born there: for that, cgroup v2 wants
 * write access to the processes of the cgroup that is above both.
 */
function mayMake({ mountPoint, version }: CgroupHierarchy, path: string, own = "/"): boolean {
  let nearest = path;
  while (nearest !== "/" && !isThere(joinPath(mountPoint, nearest))) nearest = parentOf(nearest);
  if (!isWritable(joinPath(mountPoint, nearest))) return false;
  if (version === 1) return true;
  let common = own;
  while (common !== "/" && !`${path}/`.startsWith(`${common}/`)) common = parentOf(common);
  return isWritable(joinPath(joinPath(mountPoint, common), "cgroup.procs"));
}
