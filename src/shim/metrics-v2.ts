import { parseIoStat } from "../cgroups/stats/block-io";
import { hugePageSizes } from "../cgroups/stats/others";
import { linesOf, parseKeyed, parsePressure, type StatsFiles } from "../cgroups/stats/parse";
import type { PressureLine } from "../cgroups/stats/types";
import type {
  CPUStat,
  HugeTlbStat,
  IOEntry,
  MemoryEvents,
  MemoryStat,
  Metrics,
  PSIData,
  PSIStats,
} from "../generated/shim/metrics-v2";
import { rdmaEntries } from "./rdma";
import { uint64, uint64Fields, uint64In } from "./uint64";

/**
 * What cgroup v2 counts. A file that is not there counts 0: containerd fills all messages but `memoryEvents` and those
 * of pressure whatever the controllers are, and takes that for granted.
 */
export function unifiedMetrics(files: StatsFiles): Metrics {
  return {
    pids: {
      current: uint64In(files.read("pids.current")),
      limit: uint64In(files.read("pids.max")),
    },
    cpu: processorTime(files),
    memory: memoryOf(files),
    rdma: {
      current: rdmaEntries(files, "rdma.current") ?? [],
      limit: rdmaEntries(files, "rdma.max") ?? [],
    },
    io: {
      usage: parseIoStat(files.read("io.stat")).map(
        ({ major, minor, counts }): IOEntry => ({
          major: BigInt(major),
          minor: BigInt(minor),
          ...uint64Fields(ioCounts, counts),
        }),
      ),
      psi: pressure(files.read("io.pressure")),
    },
    hugetlb: hugePageSizes(files).map((size) => hugePages(files, size)),
    memoryEvents: memoryEvents(files),
    network: [],
  };
}

/** Their names in cpu.stat; times are in microseconds there too. */
const cpuCounts: Readonly<Record<Exclude<keyof CPUStat, "psi">, string>> = {
  usageUsec: "usage_usec",
  userUsec: "user_usec",
  systemUsec: "system_usec",
  nrPeriods: "nr_periods",
  nrThrottled: "nr_throttled",
  throttledUsec: "throttled_usec",
  nrBursts: "nr_bursts",
  burstUsec: "burst_usec",
};

const processorTime = (files: StatsFiles): CPUStat => ({
  ...uint64Fields(cpuCounts, parseKeyed(files.read("cpu.stat"))),
  psi: pressure(files.read("cpu.pressure")),
});

/** Files that hold one count each. */
const memoryFiles = {
  usage: "memory.current",
  usageLimit: "memory.max",
  maxUsage: "memory.peak",
  swapUsage: "memory.swap.current",
  swapLimit: "memory.swap.max",
  swapMaxUsage: "memory.swap.peak",
} as const;

type MemoryFile = keyof typeof memoryFiles;

/** Their names in memory.stat. */
const memoryCounts: Readonly<Record<Exclude<keyof MemoryStat, MemoryFile | "psi">, string>> = {
  anon: "anon",
  file: "file",
  kernelStack: "kernel_stack",
  slab: "slab",
  sock: "sock",
  shmem: "shmem",
  fileMapped: "file_mapped",
  fileDirty: "file_dirty",
  fileWriteback: "file_writeback",
  anonThp: "anon_thp",
  inactiveAnon: "inactive_anon",
  activeAnon: "active_anon",
  inactiveFile: "inactive_file",
  activeFile: "active_file",
  unevictable: "unevictable",
  slabReclaimable: "slab_reclaimable",
  slabUnreclaimable: "slab_unreclaimable",
  pgfault: "pgfault",
  pgmajfault: "pgmajfault",
  // Until Linux 5.8; since then by anon and file.
  workingsetRefault: "workingset_refault",
  workingsetActivate: "workingset_activate",
  workingsetRefaultAnon: "workingset_refault_anon",
  workingsetRefaultFile: "workingset_refault_file",
  workingsetActivateAnon: "workingset_activate_anon",
  workingsetActivateFile: "workingset_activate_file",
  workingsetNodereclaim: "workingset_nodereclaim",
  pgrefill: "pgrefill",
  pgscan: "pgscan",
  pgsteal: "pgsteal",
  pgactivate: "pgactivate",
  pgdeactivate: "pgdeactivate",
  pglazyfree: "pglazyfree",
  pglazyfreed: "pglazyfreed",
  thpFaultAlloc: "thp_fault_alloc",
  thpCollapseAlloc: "thp_collapse_alloc",
};

function memoryOf(files: StatsFiles): MemoryStat {
  const single = Object.entries(memoryFiles).map(([field, file]) => [
    field,
    uint64In(files.read(file)),
  ]);
  return {
    ...uint64Fields(memoryCounts, parseKeyed(files.read("memory.stat"))),
    ...(Object.fromEntries(single) as Record<MemoryFile, bigint>),
    psi: pressure(files.read("memory.pressure")),
  };
}

const eventCounts: Readonly<Record<keyof MemoryEvents, string>> = {
  low: "low",
  high: "high",
  max: "max",
  oom: "oom",
  oomKill: "oom_kill",
  oomGroupKill: "oom_group_kill",
};

function memoryEvents(files: StatsFiles): MemoryEvents | undefined {
  const text = files.read("memory.events");
  return text === undefined ? undefined : uint64Fields(eventCounts, parseKeyed(text));
}

const ioCounts = { rbytes: "rbytes", wbytes: "wbytes", rios: "rios", wios: "wios" } as const;

const hugePages = (files: StatsFiles, pagesize: string): HugeTlbStat => ({
  current: uint64In(files.read(`hugetlb.${pagesize}.current`)),
  max: uint64In(files.read(`hugetlb.${pagesize}.max`)),
  pagesize,
  failcnt: uint64(parseKeyed(files.read(`hugetlb.${pagesize}.events`)).max),
});

function pressure(text: string | undefined): PSIStats | undefined {
  const parsed = parsePressure(text);
  if (parsed === undefined) return undefined;
  const hasLine = (kind: string) => linesOf(text).some((line) => line.startsWith(`${kind} `));
  return {
    some: hasLine("some") ? pressureLine(parsed.some) : undefined,
    full: hasLine("full") ? pressureLine(parsed.full) : undefined,
  };
}

const pressureLine = ({ total, ...averages }: PressureLine): PSIData => ({
  ...averages,
  total: uint64(total),
});
