import { isGone } from "../errors/describe";
import { listDirectory, readText, writeExisting } from "../host/files";
import { joinPath } from "../spec/paths";

/** A cgroup that can be frozen: v1's controller of that name has one, and v2 has no others. */
export interface FreezableCgroup {
  readonly version: 1 | 2;
  readonly path: string;
}

/** Of a container, by its directories; undefined when it has none of its own. */
export function freezableCgroup({
  freezer,
  "": unified,
}: Readonly<Record<string, string>>): FreezableCgroup | undefined {
  if (freezer !== undefined) return { version: 1, path: freezer };
  return unified === undefined ? undefined : { version: 2, path: unified };
}

/** What freezes a cgroup: cgroup v1's controller of that name, or a file of every v2 cgroup but the root. */
export interface Freezer {
  readonly file: string;
  /** What the file holds, and takes, when nothing is frozen. */
  readonly thawed: string;
}

export const freezerOf = (version: 1 | 2, directory: string): Freezer =>
  version === 1
    ? { file: joinPath(directory, "freezer.state"), thawed: "THAWED" }
    : { file: joinPath(directory, "cgroup.freeze"), thawed: "0" };

/**
 * Whether a process that is born here would be frozen at once, be it because of a cgroup further up: v2
 * tells of that in another file than the one that freezes, of every cgroup but the root.
 */
export const wouldFreeze = (version: 1 | 2, directory: string): boolean =>
  version === 1
    ? isFrozen(freezerOf(1, directory))
    : readText(joinPath(directory, "cgroup.events")).includes("frozen 1");

export const isFrozen = ({ file, thawed }: Freezer): boolean => readText(file).trim() !== thawed;

/** Thaws the cgroups of v1 below a directory: those that were frozen themselves stay so when it is thawed. */
export function thawBelow(directory: string): void {
  try {
    for (const { name, isDirectory } of listDirectory(directory)) {
      if (isDirectory) thawTree(joinPath(directory, name));
    }
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

function thawTree(directory: string): void {
  const freezer = freezerOf(1, directory);
  try {
    if (isFrozen(freezer)) writeExisting(freezer.file, freezer.thawed);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
  thawBelow(directory);
}
