import type { CgroupStats } from "../cgroups/stats/types";
import { oomLine, statsLine } from "./events-json";

const nothing: CgroupStats = {
  cpu: {
    totalNs: 0,
    userNs: 0,
    kernelNs: 0,
    perCpu: [],
    throttling: { periods: 0, throttledPeriods: 0, throttledNs: 0 },
    pressure: undefined,
  },
  cpuset: undefined,
  memory: {
    memory: undefined,
    memoryAndSwap: undefined,
    kernel: undefined,
    kernelTcp: undefined,
    cacheBytes: 0,
    raw: {},
    pressure: undefined,
  },
  pids: { current: 0, limit: undefined },
  blockIo: {
    bytes: [],
    operations: [],
    queued: [],
    serviceTime: [],
    waitTime: [],
    merged: [],
    time: [],
    sectors: [],
    pressure: undefined,
  },
  hugePages: {},
};

test("an event of memory is the line that readers look for", () => {
  expect(oomLine("web")).toBe('{"type":"oom","id":"web"}\n');
});

test("what is zero is left out where runc leaves it out, and there where it does not", () => {
  expect(statsLine("web", nothing)).toBe(
    '{"type":"stats","id":"web","data":{"cpu":{"usage":{"kernel":0,"user":0}},' +
      '"cpuset":{"cpu_exclusive":0,"mem_hardwall":0,"mem_exclusive":0,"memory_migrate":0,' +
      '"memory_spread_page":0,"memory_spread_slab":0,"memory_pressure":0,"sched_load_balance":0,' +
      '"sched_relax_domain_level":0},"memory":{},"pids":{},"blkio":{},"hugetlb":{},"intel_rdt":{},' +
      '"network_interfaces":null}}\n',
  );
});

test("all there is has runc's names and order, and numbers of 64 bits", () => {
  const line = { avg10: 0, avg60: 1.5, avg300: 0, total: 7 };
  const pressure = { some: line, full: line };
  const counter = { usageBytes: 5, peakBytes: 6, limitBytes: 2n ** 63n - 4096n, failures: 0 };
  const data = {
    cpu: {
      ...nothing.cpu,
      totalNs: 30,
      perCpu: [{ totalNs: 30, userNs: 20, kernelNs: 10 }],
      throttling: { periods: 3, throttledPeriods: 2, throttledNs: 1 },
      pressure,
    },
    cpuset: {
      cpus: [0, 1],
      mems: [0],
      flags: {
        cpu_exclusive: 0,
        mem_hardwall: 0,
        mem_exclusive: 0,
        memory_migrate: 0,
        memory_spread_page: 0,
        memory_spread_slab: 0,
        memory_pressure: 0,
        sched_load_balance: 1,
        sched_relax_domain_level: -1,
      },
    },
    memory: {
      ...nothing.memory,
      memory: counter,
      memoryAndSwap: { ...counter, peakBytes: undefined, limitBytes: undefined },
      cacheBytes: 9,
      raw: { file: 9, anon: 8 },
    },
    pids: { current: 2, limit: 7 },
    blockIo: {
      ...nothing.blockIo,
      bytes: [{ major: 8, minor: 0, operation: "Read", value: 4096 }],
      time: [{ major: 8, minor: 1, operation: "", value: 3 }],
    },
    hugePages: { "2MB": { usageBytes: 0, peakBytes: 2, failures: 0 } },
  };
  const psi = JSON.stringify(pressure);

  expect(statsLine("web", data)).toBe(
    '{"type":"stats","id":"web","data":{"cpu":{"usage":{"total":30,"percpu":[30],' +
      '"percpu_kernel":[10],"percpu_user":[20],"kernel":0,"user":0},' +
      `"throttling":{"periods":3,"throttledPeriods":2,"throttledTime":1},"psi":${psi}},` +
      '"cpuset":{"cpus":[0,1],"cpu_exclusive":0,"mems":[0],"mem_hardwall":0,"mem_exclusive":0,' +
      '"memory_migrate":0,"memory_spread_page":0,"memory_spread_slab":0,"memory_pressure":0,' +
      '"sched_load_balance":1,"sched_relax_domain_level":-1},' +
      '"memory":{"cache":9,"usage":{"limit":9223372036854771712,"usage":5,"max":6,"failcnt":0},' +
      '"swap":{"limit":18446744073709551615,"usage":5,"failcnt":0},"raw":{"anon":8,"file":9}},' +
      '"pids":{"current":2,"limit":7},' +
      '"blkio":{"ioServiceBytesRecursive":[{"major":8,"op":"Read","value":4096}],' +
      '"ioTimeRecursive":[{"major":8,"minor":1,"value":3}]},' +
      '"hugetlb":{"2MB":{"max":2,"failcnt":0}},"intel_rdt":{},"network_interfaces":null}}\n',
  );
});
