import { cleanPath } from "../spec/paths";

/**
 * Where a container's cgroup is, from the top of each hierarchy: config-linux.md#cgroups-path.
 *
 * A relative path, and the default, count from the top too: the runtime's own cgroup is its caller's, and
 * has limits and a lifetime that are not the container's.
 */
export function containerCgroupPath(cgroupsPath: string | undefined, id: string): string {
  return cgroupsPath === undefined || cgroupsPath === "" ? `/${id}` : cleanPath(cgroupsPath);
}
