// Where the kernel keeps the limits and the counters of a container's cgroup, on v1, hybrid and v2.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Each mounted hierarchy of cgroups: its place, and the controllers of v1 that it is for. */
const hierarchies = readFileSync("/proc/self/mounts", "utf8")
  .split("\n")
  .map((line) => line.split(" "))
  .filter(([, , type]) => type === "cgroup" || type === "cgroup2")
  .map(([, place, type, options]) => ({ place, type, controllers: options.split(",") }));

/** The directories of a cgroup that are not there yet. */
export function missingDirs(cgroup) {
  return hierarchies
    .map(({ place }) => join(place, cgroup))
    .filter((directory) => !existsSync(directory));
}

/** The directory that a cgroup has for a controller, and the version of cgroups there. */
function directoryOf(cgroup, controller) {
  const legacy = hierarchies.find(
    ({ type, controllers }) => type === "cgroup" && controllers.includes(controller),
  );
  const found = legacy ?? hierarchies.find(({ type }) => type === "cgroup2");
  if (found === undefined) throw new Error(`no cgroup hierarchy has "${controller}"`);
  return { path: join(found.place, cgroup), version: legacy === undefined ? 2 : 1 };
}

const limitFiles = {
  cpu: { 1: "cpu.cfs_quota_us", 2: "cpu.max" },
  memory: { 1: "memory.limit_in_bytes", 2: "memory.max" },
};

/** The file of the limit, and what it holds. */
export function readLimit(cgroup, controller) {
  const { path, version } = directoryOf(cgroup, controller);
  const file = limitFiles[controller][version];
  return `${file} = ${readFileSync(join(path, file), "utf8").trim()}`;
}

/** The processor time that a cgroup has used, and how often and how long it was held up for its limit. */
export function readProcessorTime(cgroup) {
  const { path, version } = directoryOf(cgroup, "cpu");
  const stat = readFileSync(join(path, "cpu.stat"), "utf8");
  const field = (name) => Number(new RegExp(`^${name} (\\d+)$`, "m").exec(stat)?.[1] ?? 0);
  const throttled = field("nr_throttled");
  if (version === 2) {
    return { throttled, usedMs: field("usage_usec") / 1e3, heldMs: field("throttled_usec") / 1e3 };
  }
  const usage = join(directoryOf(cgroup, "cpuacct").path, "cpuacct.usage");
  const usedMs = Number(readFileSync(usage, "utf8")) / 1e6;
  return { throttled, usedMs, heldMs: field("throttled_time") / 1e6 };
}
