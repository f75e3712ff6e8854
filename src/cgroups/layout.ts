import type { CgroupHierarchy, CgroupLayout } from "../plan/host-facts";

/** Which cgroup hierarchies this machine has mounted, from the text of /proc/self/mountinfo (proc(5)). */
export function parseCgroupLayout(mountinfo: string): CgroupLayout {
  const hierarchies: CgroupHierarchy[] = [];
  for (const line of mountinfo.split("\n")) {
    // Cheap first: nearly every line is about something else.
    const separator = line.indexOf(" - cgroup");
    if (separator < 0) continue;
    const [, type = "", , superOptions = ""] = line.slice(separator + 1).split(" ");
    const [, , , mountRoot = "/", mountPoint = ""] = line.slice(0, separator).split(" ");
    const version = type === "cgroup2" ? 2 : 1;
    const controllers =
      version === 2 ? [] : superOptions.split(",").filter((option) => !genericOptions.has(option));
    const isKnown = hierarchies.some(
      (known) => known.version === version && known.controllers.join() === controllers.join(),
    );
    // A hierarchy that is mounted again elsewhere is still one.
    if (!isKnown) hierarchies.push({ version, controllers, mountRoot, mountPoint });
  }
  const hasLegacy = hierarchies.some(({ version }) => version === 1);
  const mode = hasLegacy ? "legacy" : hierarchies.length > 0 ? "unified" : "none";
  return { mode, hierarchies };
}

/** Options of the superblock that name no controller. */
const genericOptions = new Set([
  "rw",
  "ro",
  "xattr",
  "none",
  "clone_children",
  "noprefix",
  "release_agent",
  "cpuset_v2_mode",
  "favordynmods",
]);

/** The name of a hierarchy in the record: its controllers, or "" for v2. */
export function hierarchyKeys(hierarchy: CgroupHierarchy): readonly string[] {
  return hierarchy.version === 2 ? [""] : hierarchy.controllers;
}
