import { RuntimeError } from "../errors/runtime-error";
import { isThere, readText } from "../host/files";
import { cleanPath, joinPath } from "../spec/paths";

/** `[controller[,controller…]:]path` of `exec --cgroup`: a cgroup below the container's. */
export interface SubCgroup {
  /** Empty: all that the container has. */
  readonly controllers: readonly string[];
  readonly path: string;
}

/** Where a further process of a container goes. */
export interface ProcessPlace {
  /** The files by which a thread joins the directories of v1 hierarchies. */
  readonly tasksFiles: readonly string[];
  /** The v2 directory that it is born in. */
  readonly birthplace?: string;
  /** Whether it may be born where the container's init is instead. */
  readonly mayFollowInit: boolean;
}

/** The directories of the record, or those below them that the caller named. */
export function placeProcess(
  paths: Readonly<Record<string, string>>,
  subCgroups: readonly SubCgroup[],
): ProcessPlace {
  const placed = subCgroups.length === 0 ? paths : pathsBelow(paths, subCgroups);
  const { "": birthplace, ...v1 } = placed;
  const tasksFiles = [...new Set(Object.values(v1))].map((path) => joinPath(path, "tasks"));
  return {
    tasksFiles,
    ...(birthplace === undefined ? {} : { birthplace }),
    mayFollowInit: subCgroups.length === 0,
  };
}

function pathsBelow(
  paths: Readonly<Record<string, string>>,
  subCgroups: readonly SubCgroup[],
): Readonly<Record<string, string>> {
  const placed: Record<string, string> = { ...paths };
  for (const { controllers, path } of subCgroups) {
    // Without a controller all of them; on a machine of both kinds v2 has none, and stays as it is.
    const isHybrid = Object.keys(paths).length > 1;
    const all = Object.keys(paths).filter((key) => key !== "" || !isHybrid);
    for (const controller of controllers.length === 0 ? all : controllers) {
      // "" is the key of v2, and no controller.
      const own = controllers.includes("") ? undefined : ownPath(paths, controller);
      if (own === undefined)
        throw new RuntimeError("USAGE", `unknown controller ${controller} in --cgroup`);
      placed[controller] = below(own, path);
    }
  }
  return placed;
}

/** The name is the caller's, and "constructor" is no controller. */
const ownPath = (paths: Readonly<Record<string, string>>, name: string) =>
  Object.hasOwn(paths, name) ? paths[name] : undefined;

function below(own: string, path: string): string {
  const directory = cleanPath(joinPath(own, path));
  if (directory !== own && !directory.startsWith(`${own}/`))
    throw new RuntimeError("USAGE", `bad sub cgroup path: ${path}`);
  if (!isThere(directory)) {
    throw new RuntimeError("CGROUP_FAILED", cannotJoin(directory), {
      cause: "no such file or directory",
    });
  }
  return directory;
}

/** In words that runc's callers look for. */
export const cannotJoin = (directory: string) =>
  `error adding pid of the new process to cgroups "${directory}"`;

/**
 * The v2 directory that init is in by now: it may have moved below the container's own, which takes no
 * process any more once it has handed controllers on (cgroups(7), "no internal processes").
 */
export function birthplaceOfInit(own: string, initPid: number): string | undefined {
  const line = readText(`/proc/${initPid}/cgroup`)
    .split("\n")
    .find((entry) => entry.startsWith("0::/"));
  if (line === undefined) return undefined;
  const path = line.slice("0::".length);
  // How much of `own` is the mount's is not in the record: what is left of it begins init's path.
  for (let at = own.indexOf("/"); at >= 0; at = own.indexOf("/", at + 1)) {
    const inHierarchy = own.slice(at);
    if (path === inHierarchy) return own;
    if (path.startsWith(`${inHierarchy}/`)) return own + path.slice(inHierarchy.length);
  }
  return undefined;
}
