import { parseNumberList } from "../../spec/number-list";
import { count, linesOf, parseKeyed, parsePressure, type StatsFiles, scaled } from "./parse";
import { type CpuStats, type CpusetFlag, type CpusetStats, cpusetFlags } from "./types";

/** What cgroup v1 counts processor time in: USER_HZ, which is 100 wherever Linux runs a C library. */
const nsOfTick = 10_000_000;

const noThrottling = { periods: 0, throttledPeriods: 0, throttledNs: 0 };

/** `files`: of the controller "cpu"; `accounting`: on v1 of "cpuacct", on v2 the same. */
export function readCpu(
  files: StatsFiles | undefined,
  accounting: StatsFiles | undefined,
): CpuStats {
  const source = accounting ?? files;
  if (source?.version === 2) return readUnified(source);
  const times = parseKeyed(accounting?.read("cpuacct.stat"));
  return {
    totalNs: count(accounting?.read("cpuacct.usage")),
    userNs: scaled(times.user ?? 0, nsOfTick),
    kernelNs: scaled(times.system ?? 0, nsOfTick),
    perCpu: readPerCpu(accounting),
    throttling: files === undefined ? noThrottling : readThrottling(files),
    pressure: undefined,
  };
}

function readUnified(files: StatsFiles): CpuStats {
  const stat = parseKeyed(files.read("cpu.stat"));
  const ns = (name: string) => scaled(stat[name] ?? 0, 1000);
  return {
    totalNs: ns("usage_usec"),
    userNs: ns("user_usec"),
    kernelNs: ns("system_usec"),
    perCpu: [],
    throttling: {
      periods: stat.nr_periods ?? 0,
      throttledPeriods: stat.nr_throttled ?? 0,
      throttledNs: ns("throttled_usec"),
    },
    pressure: parsePressure(files.read("cpu.pressure")),
  };
}

/** cpuacct.usage_all has a line for each processor that the machine can have: "0 USER SYSTEM". */
function readPerCpu(files: StatsFiles | undefined): CpuStats["perCpu"] {
  const totals = (files?.read("cpuacct.usage_percpu") ?? "").split(" ").filter(Boolean);
  const [, ...lines] = linesOf(files?.read("cpuacct.usage_all"));
  return totals.map((total, index) => {
    const [, user, system] = lines[index]?.split(" ") ?? [];
    return { totalNs: count(total), userNs: count(user), kernelNs: count(system) };
  });
}

function readThrottling(files: StatsFiles): CpuStats["throttling"] {
  const stat = parseKeyed(files.read("cpu.stat"));
  return {
    periods: stat.nr_periods ?? 0,
    throttledPeriods: stat.nr_throttled ?? 0,
    throttledNs: stat.throttled_time ?? 0,
  };
}

const largestNumber = 8191;

export function readCpuset(files: StatsFiles | undefined): CpusetStats | undefined {
  if (files === undefined || files.version === 2) return undefined;
  const numbers = (file: string) => {
    const parsed = parseNumberList(files.read(file) ?? "", largestNumber);
    return "mistake" in parsed ? [] : parsed.numbers;
  };
  const flags = cpusetFlags.map((flag) => [flag, count(files.read(`cpuset.${flag}`))]);
  return {
    cpus: numbers("cpuset.cpus"),
    mems: numbers("cpuset.mems"),
    flags: Object.fromEntries(flags) as Record<CpusetFlag, number>,
  };
}
