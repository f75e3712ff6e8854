import type {
  BlockIoStats,
  CgroupStats,
  Count,
  CpuStats,
  HugePageStats,
  MemoryCounter,
} from "../cgroups/stats/types";
import { exactJson } from "../spec/exact-json";

/** The lines of `events`, in the shape that runc gives them: its readers are ours. */

export const oomLine = (id: string) => `${JSON.stringify({ type: "oom", id })}\n`;

export const statsLine = (id: string, stats: CgroupStats) =>
  `${exactJson({ type: "stats", id, data: dataOf(stats) })}\n`;

function dataOf({ cpu, cpuset, memory, pids, blockIo, hugePages }: CgroupStats): object {
  return {
    cpu: cpuOf(cpu),
    cpuset: cpusetOf(cpuset),
    memory: {
      ...given({
        cache: memory.cacheBytes,
        usage: counterOf(memory.memory),
        swap: counterOf(memory.memoryAndSwap),
        kernel: counterOf(memory.kernel),
        kernelTCP: counterOf(memory.kernelTcp),
        raw: Object.keys(memory.raw).length === 0 ? undefined : inOrder(memory.raw),
        psi: memory.pressure,
      }),
    },
    pids: given({ current: pids.current, limit: pids.limit }),
    blkio: blockIoOf(blockIo),
    hugetlb: mapped(hugePages, hugePagesOf),
    intel_rdt: {},
    network_interfaces: null,
  };
}

function cpuOf({ totalNs, perCpu, kernelNs, userNs, throttling, pressure }: CpuStats): object {
  const each = (key: keyof CpuStats["perCpu"][number]) =>
    perCpu.length === 0 ? undefined : perCpu.map((processor) => processor[key]);
  const throttled = given({
    periods: throttling.periods,
    throttledPeriods: throttling.throttledPeriods,
    throttledTime: throttling.throttledNs,
  });
  return given({
    usage: {
      ...given({
        total: totalNs,
        percpu: each("totalNs"),
        percpu_kernel: each("kernelNs"),
        percpu_user: each("userNs"),
      }),
      kernel: kernelNs,
      user: userNs,
    },
    throttling: Object.keys(throttled).length === 0 ? undefined : throttled,
    psi: pressure,
  });
}

/** Cgroup v2 has none of it, and readers still find the numbers. */
function cpusetOf(cpuset: CgroupStats["cpuset"]): object {
  const { cpu_exclusive, mem_hardwall, mem_exclusive, ...flags } = cpuset?.flags ?? {
    cpu_exclusive: 0,
    mem_hardwall: 0,
    mem_exclusive: 0,
    memory_migrate: 0,
    memory_spread_page: 0,
    memory_spread_slab: 0,
    memory_pressure: 0,
    sched_load_balance: 0,
    sched_relax_domain_level: 0,
  };
  return {
    ...given({ cpus: unlessEmpty(cpuset?.cpus ?? []) }),
    cpu_exclusive,
    ...given({ mems: unlessEmpty(cpuset?.mems ?? []) }),
    mem_hardwall,
    mem_exclusive,
    ...flags,
  };
}

/** What stands for "no limit" in 64 bits. */
const unlimited = 2n ** 64n - 1n;

function counterOf(counter: MemoryCounter | undefined): object | undefined {
  if (counter === undefined) return undefined;
  const { limitBytes = unlimited, usageBytes, peakBytes, failures } = counter;
  return { limit: limitBytes, ...given({ usage: usageBytes, max: peakBytes }), failcnt: failures };
}

function blockIoOf({ pressure, ...lists }: BlockIoStats): object {
  const entries = (name: keyof typeof lists) =>
    unlessEmpty(
      lists[name].map(({ major, minor, operation, value }) =>
        given({ major, minor, op: operation === "" ? undefined : operation, value }),
      ),
    );
  return given({
    ioServiceBytesRecursive: entries("bytes"),
    ioServicedRecursive: entries("operations"),
    ioQueueRecursive: entries("queued"),
    ioServiceTimeRecursive: entries("serviceTime"),
    ioWaitTimeRecursive: entries("waitTime"),
    ioMergedRecursive: entries("merged"),
    ioTimeRecursive: entries("time"),
    sectorsRecursive: entries("sectors"),
    psi: pressure,
  });
}

const hugePagesOf = ({ usageBytes, peakBytes, failures }: HugePageStats) => ({
  ...given({ usage: usageBytes, max: peakBytes }),
  failcnt: failures,
});

const unlessEmpty = <Item>(list: readonly Item[]) => (list.length === 0 ? undefined : list);

/** Go's maps are printed by their keys. */
const inOrder = (record: Readonly<Record<string, Count>>) =>
  Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));

const mapped = <Value>(record: Readonly<Record<string, Value>>, map: (value: Value) => object) =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));

/** Without what is zero or not there, which runc leaves out. */
const given = (members: Readonly<Record<string, unknown>>): object =>
  Object.fromEntries(
    Object.entries(members).filter(([, value]) => value !== undefined && value !== 0),
  );
