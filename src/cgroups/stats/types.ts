/** What the kernel counts of a cgroup, the same for v1 and v2 as far as both have it. */

/** A 64-bit count: a `number` where that is exact, else a `bigint`. */
export type Count = number | bigint;

export interface CgroupStats {
  readonly cpu: CpuStats;
  /** Only of cgroup v1. */
  readonly cpuset: CpusetStats | undefined;
  readonly memory: MemoryStats;
  readonly pids: PidsStats;
  readonly blockIo: BlockIoStats;
  /** By the size of a page, as "2MB". */
  readonly hugePages: Readonly<Record<string, HugePageStats>>;
}

export interface CpuStats {
  /** Nanoseconds since the cgroup was made. */
  readonly totalNs: Count;
  readonly userNs: Count;
  readonly kernelNs: Count;
  /** Each processor's part. Empty on cgroup v2. */
  readonly perCpu: readonly {
    readonly totalNs: Count;
    readonly userNs: Count;
    readonly kernelNs: Count;
  }[];
  readonly throttling: {
    readonly periods: Count;
    readonly throttledPeriods: Count;
    readonly throttledNs: Count;
  };
  readonly pressure: Pressure | undefined;
}

export interface CpusetStats {
  readonly cpus: readonly number[];
  readonly mems: readonly number[];
  /** cpuset(7), by the file's name without "cpuset.". */
  readonly flags: Readonly<Record<CpusetFlag, Count>>;
}

export const cpusetFlags = [
  "cpu_exclusive",
  "mem_hardwall",
  "mem_exclusive",
  "memory_migrate",
  "memory_spread_page",
  "memory_spread_slab",
  "memory_pressure",
  "sched_load_balance",
  "sched_relax_domain_level",
] as const;
export type CpusetFlag = (typeof cpusetFlags)[number];

export interface MemoryStats {
  readonly memory: MemoryCounter | undefined;
  /** Memory and swap together, on v2 too. Undefined where the kernel does not count swap. */
  readonly memoryAndSwap: MemoryCounter | undefined;
  /** Only of cgroup v1. */
  readonly kernel: MemoryCounter | undefined;
  /** Only of cgroup v1. */
  readonly kernelTcp: MemoryCounter | undefined;
  /** Bytes of the page cache. */
  readonly cacheBytes: Count;
  /** memory.stat, whose names differ between v1 and v2. */
  readonly raw: Readonly<Record<string, Count>>;
  readonly pressure: Pressure | undefined;
}

export interface MemoryCounter {
  readonly usageBytes: Count;
  /** The most that was ever in use; undefined where the kernel keeps no such record. */
  readonly peakBytes: Count | undefined;
  /** Undefined: no limit. Cgroup v1 has a number for that, too. */
  readonly limitBytes: Count | undefined;
  /** How often the limit was met. */
  readonly failures: Count;
}

export interface PidsStats {
  readonly current: Count;
  /** Undefined: no limit. */
  readonly limit: Count | undefined;
}

export interface BlockIoEntry {
  readonly major: number;
  readonly minor: number;
  /** "Read", "Write", and on v1 "Sync", "Async", "Discard" and "Total"; "" where the kernel names none. */
  readonly operation: string;
  readonly value: Count;
}

export interface BlockIoStats {
  readonly bytes: readonly BlockIoEntry[];
  readonly operations: readonly BlockIoEntry[];
  /** The rest only of cgroup v1 with a scheduler that counts them. */
  readonly queued: readonly BlockIoEntry[];
  readonly serviceTime: readonly BlockIoEntry[];
  readonly waitTime: readonly BlockIoEntry[];
  readonly merged: readonly BlockIoEntry[];
  readonly time: readonly BlockIoEntry[];
  readonly sectors: readonly BlockIoEntry[];
  readonly pressure: Pressure | undefined;
}

export interface HugePageStats {
  readonly usageBytes: Count;
  /** Only of cgroup v1. */
  readonly peakBytes: Count | undefined;
  readonly failures: Count;
}

/** What a cgroup uses of an RDMA device, or may use: undefined for no limit. */
export interface RdmaEntry {
  readonly device: string;
  readonly handles: Count | undefined;
  readonly objects: Count | undefined;
}

/** Pressure stall information of a v2 cgroup: accounting/psi.rst. */
export interface Pressure {
  readonly some: PressureLine;
  readonly full: PressureLine;
}

export interface PressureLine {
  /** Percent of the last 10, 60 and 300 seconds. */
  readonly avg10: number;
  readonly avg60: number;
  readonly avg300: number;
  /** Microseconds since the cgroup was made. */
  readonly total: Count;
}
