import { readText } from "./files";

/** How many mounts lie on top of each other at `path`, which has no symbolic links (proc(5), mountinfo). */
export function countMountsAt(path: string): number {
  const shown = escapeMountPoint(path);
  return readText("/proc/self/mountinfo")
    .split("\n")
    .filter((line) => line.split(" ", 5)[4] === shown).length;
}

/** The kernel writes blanks, line ends and backslashes of a mount point in octal. */
function escapeMountPoint(path: string): string {
  return path.replace(
    /[ \t\n\\]/g,
    (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, "0")}`,
  );
}

/** A mount of one file system type, as mountinfo has it. */
export interface MountOfType {
  /** The part of the file system that the mount shows. */
  readonly root: string;
  readonly mountPoint: string;
  readonly readOnly: boolean;
}

/** The mounts of a type, from the text of /proc/self/mountinfo (proc(5)). */
export function parseMounts(mountinfo: string, type: string): MountOfType[] {
  const mark = ` - ${type} `;
  // Cheap first: on nearly every machine there is none.
  if (!mountinfo.includes(mark)) return [];
  return mountinfo.split("\n").flatMap((line) => {
    const separator = line.indexOf(mark);
    if (separator < 0) return [];
    const [, , , root = "", mountPoint = "", options = ""] = line.slice(0, separator).split(" ");
    const superOptions = line.slice(line.lastIndexOf(" ") + 1);
    const readOnly = [options, superOptions].some((list) => list.split(",").includes("ro"));
    return [{ root: unescapePath(root), mountPoint: unescapePath(mountPoint), readOnly }];
  });
}

/** For each mount point the part of the file system that it shows, from the text of a mountinfo. Of several the topmost. */
export function parseMountRoots(mountinfo: string): ReadonlyMap<string, string> {
  const roots = new Map<string, string>();
  for (const line of mountinfo.split("\n")) {
    const [, , , root, mountPoint] = line.split(" ", 5);
    if (root !== undefined && mountPoint !== undefined)
      roots.set(unescapePath(mountPoint), unescapePath(root));
  }
  return roots;
}

/** The numbers of all mounts, from the text of a mountinfo. */
export const parseMountIds = (mountinfo: string): ReadonlySet<number> =>
  new Set(
    mountinfo
      .trimEnd()
      .split("\n")
      .map((line) => Number.parseInt(line, 10)),
  );

function unescapePath(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}
