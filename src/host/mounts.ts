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
