// What is measured, how it is called, and what we promise about it.

export const runtimeUnderTest = "tsoci";
export const yardstick = "runc";

/** In the order of the report. `unit` is what the samples are in. */
export const measures = [
  { key: "run", title: "run a program that exits at once", unit: "ms" },
  { key: "runLimited", title: "run, with every kind of limit", unit: "ms" },
  { key: "lifecycle", title: "create + start + state + delete", unit: "ms" },
  { key: "create", title: "create", unit: "ms" },
  { key: "createFiltered", title: "create, with a seccomp profile seen before", unit: "ms" },
  { key: "start", title: "start", unit: "ms" },
  { key: "state", title: "state", unit: "ms" },
  { key: "delete", title: "delete", unit: "ms" },
  { key: "exec", title: "exec of a program that exits at once", unit: "ms" },
  { key: "execMany", title: "100 times exec at the same time", unit: "ms" },
  { key: "ctr", title: "containerd: ctr run --rm, end to end", unit: "ms" },
  { key: "podman", title: "podman run --rm, end to end", unit: "ms" },
  { key: "ctrShim", title: "containerd, by the shim of the runtime: ctr run --rm", unit: "ms" },
  { key: "shimStart", title: "shim: `start`, until it has answered", unit: "ms" },
  { key: "shimAnswer", title: "shim: `start`, until the first call is answered", unit: "ms" },
  { key: "shimCycle", title: "shim: create + start + wait + delete", unit: "ms" },
  { key: "shimExec", title: "shim: exec + start + wait + delete of a process", unit: "ms" },
  { key: "shimExecSlow", title: "shim: the same, the slowest of a hundred", unit: "ms" },
  { key: "shimStream", title: "shim: 1 GB of output", unit: "ms" },
  { key: "shimMemory", title: "shim: anonymous memory, with 1 container", unit: "bytes" },
  {
    key: "shimMemoryGroup",
    title: "shim: anonymous memory, with 50 containers in one group",
    unit: "bytes",
  },
  {
    key: "shimMemoryMany",
    title: "50 shims: anonymous memory of all, with a container each",
    unit: "bytes",
  },
  { key: "version", title: "--version", unit: "ms" },
  { key: "peak", title: "run: largest process, resident at its peak", unit: "bytes" },
  {
    key: "charged",
    title: "run: all processes, charged to their cgroup at the peak",
    unit: "bytes",
  },
  { key: "waitingPrivate", title: "created container that waits: private memory", unit: "bytes" },
  {
    key: "waitingAnonymous",
    title: "created container that waits: anonymous memory",
    unit: "bytes",
  },
  {
    key: "leastMemory",
    title: "run: smallest memory limit that the program still runs with",
    unit: "bytes",
  },
];

/** Each bar is a share of another runtime's median, a number of bytes, or ms more than another measure of ours. */
const bars = [
  { key: "run", atMost: 0.6 },
  { key: "runLimited", atMost: 0.6 },
  { key: "lifecycle", atMost: 0.9 },
  { key: "exec", atMost: 0.5 },
  { key: "version", atMost: 2.2 },
  { key: "ctrShim", atMost: 0.75 },
  { key: "ctrShim", atMost: 1, of: "crun" },
  { key: "shimStart", atMost: 1 },
  { key: "shimAnswer", atMost: 1 },
  { key: "shimCycle", atMost: 0.4 },
  { key: "shimExec", atMost: 0.3 },
  { key: "shimExecSlow", atMost: 0.3 },
  { key: "shimStream", atMost: 1 },
  { key: "createFiltered", over: "create", atMostMs: 1.5 },
  { key: "waitingPrivate", below: 1024 * 1024 },
  { key: "leastMemory", atMost: 1, of: "crun" },
];

/** Which bars the runtime under test clears. Empty when it or the yardstick was not measured. */
export function judge(measured) {
  return bars.flatMap((bar) => {
    const ours = measured[bar.key]?.[runtimeUnderTest]?.median;
    if (bar.over !== undefined) {
      const base = measured[bar.over]?.[runtimeUnderTest]?.median;
      if (ours === undefined || base === undefined) return [];
      return [{ ...bar, found: ours - base, pass: ours - base <= bar.atMostMs }];
    }
    const theirs = measured[bar.key]?.[bar.of ?? yardstick]?.median;
    if (ours === undefined || theirs === undefined) return [];
    if (bar.below !== undefined) return [{ ...bar, found: ours, pass: ours < bar.below }];
    return [{ ...bar, found: ours / theirs, pass: ours / theirs <= bar.atMost }];
  });
}

/** A number with its unit, as people read it. */
export function format(value, unit) {
  if (unit === "ms") return `${value.toFixed(value < 10 ? 2 : 1)} ms`;
  const kib = value / 1024;
  return kib < 1024 ? `${kib.toFixed(0)} KiB` : `${(kib / 1024).toFixed(1)} MiB`;
}
