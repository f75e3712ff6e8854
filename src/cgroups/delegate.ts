import { isErrno } from "../errors/describe";
import { RuntimeError } from "../errors/runtime-error";
import type { Config } from "../generated/config";
import { changeOwner, readText } from "../host/files";
import { hostIdOf } from "../plan/id-maps";
import { chooseNamespaces } from "../plan/namespace-choice";
import { joinPath } from "../spec/paths";
import type { Cgroup } from "./cgroup";

/**
 * Hands the container's cgroup to its user, who can then make cgroups below it: as systemd in a container does.
 * Only on cgroup v2, where that is safe: config-linux.md#cgroup-ownership.
 */
export function delegateCgroup({ directories }: Cgroup, config: Config): void {
  const [only, ...others] = directories;
  if (only === undefined || only.hierarchy.version !== 2 || others.length > 0) return;
  const uid = delegatedTo(config);
  if (uid === undefined) return;
  for (const path of [only.path, ...delegatedFiles().map((name) => joinPath(only.path, name))]) {
    try {
      changeOwner(path, uid);
    } catch (cause) {
      // The list is the kernel's for all its cgroups; this one need not have all of the files.
      if (isErrno(cause, "ENOENT")) continue;
      throw new RuntimeError("CGROUP_FAILED", `give "${path}" to user ${uid}`, { cause });
    }
  }
}

/** The host's user who is to own the cgroup: who can write to it, and to none above it, by what the config mounts. */
export function delegatedTo(config: Config): number | undefined {
  const { linux, mounts, process } = config;
  const { created, joined } = chooseNamespaces(config);
  const isWritable = mounts?.some(
    ({ source, destination, options }) =>
      source === "cgroup" && destination === "/sys/fs/cgroup" && !options?.includes("ro"),
  );
  if (process === undefined || !created.has("cgroup") || isWritable !== true) return undefined;
  if (joined.some(({ type }) => type === "user")) return undefined;
  const { uid } = process.user;
  return created.has("user") ? hostIdOf(linux?.uidMappings ?? [], uid) : uid;
}

/** Before Linux 5.19 there is no list, and these are what it began with. */
const filesWithoutList = ["cgroup.procs", "cgroup.subtree_control", "cgroup.threads"];

function delegatedFiles(): readonly string[] {
  try {
    return readText("/sys/kernel/cgroup/delegate").split("\n").filter(Boolean);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return filesWithoutList;
    throw error;
  }
}
