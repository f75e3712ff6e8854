import { readText, writeExisting } from "../host/files";
import { joinPath, parentOf } from "../spec/paths";

/**
 * Makes the controllers of cgroup v2 reach `path`: each of its ancestors has to pass them on (cgroups(7),
 * cgroup.subtree_control). What cannot be passed on is not there below, and whoever asks for a limit of it
 * is told so: an ancestor may have processes of its own, or belong to somebody else.
 */
export function enableControllers(mountPoint: string, path: string): void {
  const ancestors: string[] = [];
  for (let at = path; at !== mountPoint; ) {
    at = parentOf(at);
    ancestors.unshift(at);
  }
  for (const ancestor of ancestors) passOn(ancestor);
}

function passOn(path: string): void {
  const available = readNames(joinPath(path, "cgroup.controllers"));
  const passedOn = new Set(readNames(joinPath(path, "cgroup.subtree_control")));
  const missing = available.filter((name) => !passedOn.has(name));
  if (missing.length === 0 || tryToPassOn(path, missing)) return;
  // The kernel takes all of a write or nothing of it.
  for (const name of missing) tryToPassOn(path, [name]);
}

function tryToPassOn(path: string, names: readonly string[]): boolean {
  try {
    writeExisting(
      joinPath(path, "cgroup.subtree_control"),
      names.map((name) => `+${name}`).join(" "),
    );
    return true;
  } catch {
    return false;
  }
}

const readNames = (path: string) => readText(path).trim().split(" ").filter(Boolean);
