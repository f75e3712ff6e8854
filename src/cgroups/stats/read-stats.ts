import { isErrno } from "../../errors/describe";
import { RuntimeError } from "../../errors/runtime-error";
import { listDirectory, readText } from "../../host/files";
import { joinPath } from "../../spec/paths";
import { readBlockIo } from "./block-io";
import { readCpu, readCpuset } from "./cpu";
import { readMemory } from "./memory";
import { readHugePages, readPids } from "./others";
import type { StatsFiles } from "./parse";
import type { CgroupStats } from "./types";

/**
 * What the kernel counts of a container's cgroup. `paths`: its directories by controller, "" for v2. What is not
 * counted, because there is no such controller or the cgroup is gone, is zero or undefined. Throws CGROUP_FAILED.
 */
export function readCgroupStats(paths: Readonly<Record<string, string>>): CgroupStats {
  const find = (controller: string): StatsFiles | undefined => {
    const { [controller]: legacy, "": unified } = paths;
    if (legacy !== undefined) return filesOf(1, legacy);
    return unified === undefined ? undefined : filesOf(2, unified);
  };
  return {
    cpu: readCpu(find("cpu"), find("cpuacct")),
    cpuset: readCpuset(find("cpuset")),
    memory: readMemory(find("memory")),
    pids: readPids(find("pids")),
    blockIo: readBlockIo(find("blkio")),
    hugePages: readHugePages(find("hugetlb")),
  };
}

/** EOPNOTSUPP: pressure that the kernel was told not to count. ENODEV: a cgroup that goes away just now. */
const nothingThere = ["ENOENT", "ENODEV", "EOPNOTSUPP"];

/** The files of the cgroup `path`. Reading throws CGROUP_FAILED. */
export const filesOf = (version: 1 | 2, path: string): StatsFiles => ({
  version,
  read: (file) => unlessGone(joinPath(path, file), (at) => readText(at).trim()),
  names: () => unlessGone(path, (at) => listDirectory(at).map(({ name }) => name)) ?? [],
});

function unlessGone<Result>(path: string, read: (path: string) => Result): Result | undefined {
  try {
    return read(path);
  } catch (cause) {
    if (nothingThere.some((code) => isErrno(cause, code))) return undefined;
    throw new RuntimeError("CGROUP_FAILED", `read "${path}"`, { cause });
  }
}
