import { parseCgroupLayout } from "../cgroups/layout";
import { RuntimeError } from "../errors/runtime-error";
import { readText, writeExisting } from "../host/files";
import { cleanPath, joinPath } from "../spec/paths";

/** Puts this process, with what it starts, into a cgroup that is there already: the option ShimCgroup. */
export function joinShimCgroup(path: string): void {
  const { hierarchies } = parseCgroupLayout(readText("/proc/self/mountinfo"));
  for (const { mountPoint, controllers } of hierarchies) {
    const file = `${joinPath(mountPoint, cleanPath(path))}/cgroup.procs`;
    // A named hierarchy is somebody's own, and controls nothing.
    if (controllers.some((name) => name.startsWith("name="))) continue;
    try {
      writeExisting(file, "0");
    } catch (cause) {
      throw new RuntimeError("CGROUP_FAILED", `join the shim's cgroup by "${file}"`, { cause });
    }
  }
}
