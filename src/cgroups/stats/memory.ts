import { count, limit, parseKeyed, parsePressure, type StatsFiles, sum } from "./parse";
import type { MemoryCounter, MemoryStats } from "./types";

const nothing: MemoryStats = {
  memory: undefined,
  memoryAndSwap: undefined,
  kernel: undefined,
  kernelTcp: undefined,
  cacheBytes: 0,
  raw: {},
  pressure: undefined,
};

export function readMemory(files: StatsFiles | undefined): MemoryStats {
  if (files === undefined) return nothing;
  const raw = parseKeyed(files.read("memory.stat"));
  if (files.version === 2) return readUnified(files, raw);
  return {
    memory: readLegacy(files, "memory"),
    memoryAndSwap: readLegacy(files, "memory.memsw"),
    kernel: readLegacy(files, "memory.kmem"),
    kernelTcp: readLegacy(files, "memory.kmem.tcp"),
    cacheBytes: raw.cache ?? 0,
    raw,
    pressure: undefined,
  };
}

function readLegacy(files: StatsFiles, prefix: string): MemoryCounter | undefined {
  const usage = files.read(`${prefix}.usage_in_bytes`);
  if (usage === undefined) return undefined;
  return {
    usageBytes: count(usage),
    peakBytes: count(files.read(`${prefix}.max_usage_in_bytes`)),
    limitBytes: count(files.read(`${prefix}.limit_in_bytes`)),
    failures: count(files.read(`${prefix}.failcnt`)),
  };
}

function readUnified(files: StatsFiles, raw: MemoryStats["raw"]): MemoryStats {
  const memory = readCounter(files, "memory");
  const swap = readCounter(files, "memory.swap");
  return {
    ...nothing,
    memory,
    memoryAndSwap: memory === undefined || swap === undefined ? undefined : both(memory, swap),
    cacheBytes: raw.file ?? 0,
    raw,
    pressure: parsePressure(files.read("memory.pressure")),
  };
}

function readCounter(files: StatsFiles, prefix: string): MemoryCounter | undefined {
  const usage = files.read(`${prefix}.current`);
  if (usage === undefined) return undefined;
  const peak = files.read(`${prefix}.peak`);
  return {
    usageBytes: count(usage),
    peakBytes: peak === undefined ? undefined : count(peak),
    limitBytes: limit(files.read(`${prefix}.max`)),
    failures: parseKeyed(files.read(`${prefix}.events`)).max ?? 0,
  };
}

/** Cgroup v2 counts swap alone. The peaks of both need not have been at the same time. */
function both(memory: MemoryCounter, swap: MemoryCounter): MemoryCounter {
  const [most, mostSwap] = [memory.limitBytes, swap.limitBytes];
  return {
    usageBytes: sum(memory.usageBytes, swap.usageBytes),
    peakBytes: undefined,
    limitBytes: most === undefined || mostSwap === undefined ? undefined : sum(most, mostSwap),
    failures: swap.failures,
  };
}
