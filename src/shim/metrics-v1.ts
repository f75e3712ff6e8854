import { readBlockIoOfAll } from "../cgroups/stats/block-io";
import { readCpu } from "../cgroups/stats/cpu";
import { readMemory } from "../cgroups/stats/memory";
import { hugePageSizes } from "../cgroups/stats/others";
import { linesOf, parseKeyed, type StatsFiles } from "../cgroups/stats/parse";
import type { BlockIoEntry, MemoryCounter } from "../cgroups/stats/types";
import type {
  BlkIOEntry,
  BlkIOStat,
  CPUStat,
  HugetlbStat,
  MemoryEntry,
  MemoryOomControl,
  MemoryStat,
  Metrics,
  PidsStat,
  RdmaStat,
} from "../generated/shim/metrics-v1";
import { rdmaEntries } from "./rdma";
import { uint64, uint64Fields, uint64In } from "./uint64";

/** The controllers of cgroup v1 that count something which a message has. */
export const countingControllers = [
  "cpu",
  "cpuacct",
  "memory",
  "pids",
  "blkio",
  "hugetlb",
  "rdma",
] as const;

/**
 * What cgroup v1 counts. `find`: the files of a controller. `readPartitions`: the text of /proc/partitions, asked for
 * only when a device has to be named.
 *
 * A message has all parts of it when its controller is there, with zeros for what is not counted: up to 1.7
 * containerd itself falls over memory without swap.
 */
export function legacyMetrics(
  find: (controller: (typeof countingControllers)[number]) => StatsFiles | undefined,
  readPartitions: () => string,
): Metrics {
  const memory = find("memory");
  return {
    hugetlb: hugePages(find("hugetlb")),
    pids: processes(find("pids")),
    cpu: processorTime(find("cpu"), find("cpuacct")),
    memory: memory && memoryOf(memory),
    blkio: blockIo(find("blkio"), readPartitions),
    rdma: rdma(find("rdma")),
    network: [],
    cgroupStats: undefined,
    memoryOomControl: memory && oomControl(memory),
  };
}

/** What is in use, not what is reserved: so containerd has it. */
function hugePages(files: StatsFiles | undefined): HugetlbStat[] {
  if (files === undefined) return [];
  return hugePageSizes(files).map((pagesize) => {
    const counted = (what: string) => uint64In(files.read(`hugetlb.${pagesize}.${what}`));
    return {
      usage: counted("usage_in_bytes"),
      max: counted("max_usage_in_bytes"),
      failcnt: counted("failcnt"),
      pagesize,
    };
  });
}

/** Without a limit it is 0 here. */
function processes(files: StatsFiles | undefined): PidsStat | undefined {
  const current = files?.read("pids.current");
  const limit = files?.read("pids.max");
  if (current === undefined || limit === undefined) return undefined;
  return { current: uint64In(current), limit: limit === "max" ? 0n : uint64In(limit) };
}

function processorTime(files: StatsFiles | undefined, accounting: StatsFiles | undefined): CPUStat {
  const { totalNs, kernelNs, userNs, perCpu, throttling } = readCpu(files, accounting);
  return {
    usage: {
      total: uint64(totalNs),
      kernel: uint64(kernelNs),
      user: uint64(userNs),
      perCpu: perCpu.map((processor) => uint64(processor.totalNs)),
    },
    throttling: {
      periods: uint64(throttling.periods),
      throttledPeriods: uint64(throttling.throttledPeriods),
      throttledTime: uint64(throttling.throttledNs),
    },
  };
}

type MemoryCount = Exclude<keyof MemoryStat, "usage" | "swap" | "kernel" | "kernelTcp">;

/** Their names in memory.stat. */
const memoryCounts: Readonly<Record<MemoryCount, string>> = {
  cache: "cache",
  rss: "rss",
  rssHuge: "rss_huge",
  mappedFile: "mapped_file",
  dirty: "dirty",
  writeback: "writeback",
  pgPgIn: "pgpgin",
  pgPgOut: "pgpgout",
  pgFault: "pgfault",
  pgMajFault: "pgmajfault",
  inactiveAnon: "inactive_anon",
  activeAnon: "active_anon",
  inactiveFile: "inactive_file",
  activeFile: "active_file",
  unevictable: "unevictable",
  hierarchicalMemoryLimit: "hierarchical_memory_limit",
  hierarchicalSwapLimit: "hierarchical_memsw_limit",
  totalCache: "total_cache",
  totalRss: "total_rss",
  totalRssHuge: "total_rss_huge",
  totalMappedFile: "total_mapped_file",
  totalDirty: "total_dirty",
  totalWriteback: "total_writeback",
  totalPgPgIn: "total_pgpgin",
  totalPgPgOut: "total_pgpgout",
  totalPgFault: "total_pgfault",
  totalPgMajFault: "total_pgmajfault",
  totalInactiveAnon: "total_inactive_anon",
  totalActiveAnon: "total_active_anon",
  totalInactiveFile: "total_inactive_file",
  totalActiveFile: "total_active_file",
  totalUnevictable: "total_unevictable",
};

function memoryOf(files: StatsFiles): MemoryStat | undefined {
  const { memory, memoryAndSwap, kernel, kernelTcp, raw } = readMemory(files);
  if (memory === undefined) return undefined;
  return {
    ...uint64Fields(memoryCounts, raw),
    usage: memoryEntry(memory),
    swap: memoryEntry(memoryAndSwap),
    kernel: memoryEntry(kernel),
    kernelTcp: memoryEntry(kernelTcp),
  };
}

const memoryEntry = (counter: MemoryCounter | undefined): MemoryEntry => ({
  limit: uint64(counter?.limitBytes),
  usage: uint64(counter?.usageBytes),
  max: uint64(counter?.peakBytes),
  failcnt: uint64(counter?.failures),
});

const oomCounts: Readonly<Record<keyof MemoryOomControl, string>> = {
  oomKillDisable: "oom_kill_disable",
  underOom: "under_oom",
  oomKill: "oom_kill",
};

function oomControl(files: StatsFiles): MemoryOomControl | undefined {
  const text = files.read("memory.oom_control");
  return text === undefined ? undefined : uint64Fields(oomCounts, parseKeyed(text));
}

function blockIo(
  files: StatsFiles | undefined,
  readPartitions: () => string,
): BlkIOStat | undefined {
  if (files === undefined) return undefined;
  const stats = readBlockIoOfAll(files);
  const names = stats.bytes.length > 0 ? deviceNames(readPartitions()) : new Map<string, string>();
  const entries = (list: readonly BlockIoEntry[]): BlkIOEntry[] =>
    list.map(({ major, minor, operation, value }) => ({
      op: operation,
      device: names.get(`${major}:${minor}`) ?? "",
      major: BigInt(major),
      minor: BigInt(minor),
      value: uint64(value),
    }));
  return {
    ioServiceBytesRecursive: entries(stats.bytes),
    ioServicedRecursive: entries(stats.operations),
    ioQueuedRecursive: entries(stats.queued),
    ioServiceTimeRecursive: entries(stats.serviceTime),
    ioWaitTimeRecursive: entries(stats.waitTime),
    ioMergedRecursive: entries(stats.merged),
    ioTimeRecursive: entries(stats.time),
    sectorsRecursive: entries(stats.sectors),
  };
}

/** Of lines such as " 254        0  268435456 vda", below a heading; the path in /dev by "254:0". */
function deviceNames(partitions: string): Map<string, string> {
  const names = new Map<string, string>();
  for (const line of linesOf(partitions)) {
    const [major = "", minor = "", , name] = line.trim().split(/ +/);
    const device = `${major}:${minor}`;
    if (name !== undefined && !names.has(device)) names.set(device, `/dev/${name}`);
  }
  return names;
}

function rdma(files: StatsFiles | undefined): RdmaStat | undefined {
  if (files === undefined) return undefined;
  const current = rdmaEntries(files, "rdma.current");
  const limit = rdmaEntries(files, "rdma.max");
  // Of different length when a device went away between the two.
  return current !== undefined && current.length === limit?.length ? { current, limit } : undefined;
}
