import { isErrno } from "../../errors/describe";
import { readText } from "../../host/files";
import { joinPath } from "../../spec/paths";
import { applyLimits } from "../apply-limits";
import { type Cgroup, directoryOf, writeCgroupFile } from "../cgroup";
import type { LimitWrite } from "../limits/limit";

/** Files that systemd writes less exactly than we do: it counts a quota by 10 ms in each second, and BFQ's weights by its own. */
const roundedFiles = [
  { controller: "cpu", file: "cpu.cfs_period_us", property: "/linux/resources/cpu/period" },
  { controller: "cpu", file: "cpu.cfs_quota_us", property: "/linux/resources/cpu/quota" },
  { controller: "cpu", file: "cpu.max", property: "/linux/resources/cpu/quota" },
  { controller: "blkio", file: "blkio.bfq.weight", property: "/linux/resources/blockIO/weight" },
  { controller: "io", file: "io.bfq.weight", property: "/linux/resources/blockIO/weight" },
] as const;

/** What a cgroup has before systemd writes to it. */
export interface ExactLimits {
  readonly limits: readonly LimitWrite[];
  /** The devices that may be used, on cgroup v1: "c 1:3 rwm". */
  readonly devices: readonly string[] | undefined;
}

export function takeSnapshot(cgroup: Cgroup): ExactLimits {
  const limits = roundedFiles.flatMap((entry): LimitWrite[] => {
    // The first line is the cgroup's own; others are of devices, and not systemd's unless it is asked.
    const [value] = readLines(cgroup, entry.controller, entry.file) ?? [];
    return value === undefined ? [] : [{ ...entry, value, whenRefused: "retry" }];
  });
  return { limits, devices: readLines(cgroup, "devices", "devices.list") };
}

/** Writes back what has changed since. On cgroup v2 systemd's device rules stand beside ours, which stay. */
export function restoreLimits(cgroup: Cgroup, before: ExactLimits): void {
  const now = takeSnapshot(cgroup);
  const isChanged = ({ file, value }: LimitWrite) =>
    now.limits.some((limit) => limit.file === file && limit.value !== value);
  applyLimits(cgroup, before.limits.filter(isChanged));
  if (before.devices === undefined || now.devices?.join() === before.devices.join()) return;
  const path = directoryOf(cgroup, "devices")?.path ?? "";
  const isAll = before.devices.some((line) => line.startsWith("a "));
  if (!isAll) writeCgroupFile(joinPath(path, "devices.deny"), "a");
  for (const line of isAll ? ["a"] : before.devices) {
    writeCgroupFile(joinPath(path, "devices.allow"), line);
  }
}

/** Undefined when the cgroup has no such file. */
function readLines(cgroup: Cgroup, controller: string, file: string): string[] | undefined {
  const directory = directoryOf(cgroup, controller);
  if (directory === undefined) return undefined;
  try {
    return readText(joinPath(directory.path, file)).split("\n").filter(Boolean);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}
