import { readBlockIo } from "./block-io";
import { readCpu, readCpuset } from "./cpu";
import { readMemory } from "./memory";
import { readHugePages, readPids } from "./others";
import { count, limit, parsePressure, type StatsFiles, scaled, sum } from "./parse";

const files = (version: 1 | 2, texts: Readonly<Record<string, string>>): StatsFiles => ({
  version,
  read: (file) => texts[file],
  names: () => Object.keys(texts),
});

const pressureText =
  "some avg10=1.50 avg60=0.25 avg300=0.00 total=12345\nfull avg10=0.10 avg60=0.00 avg300=0.00 total=99";
const pressure = {
  some: { avg10: 1.5, avg60: 0.25, avg300: 0, total: 12345 },
  full: { avg10: 0.1, avg60: 0, avg300: 0, total: 99 },
};

describe("counts", () => {
  test("stay exact, and are zero for what is none", () => {
    expect(count("7")).toBe(7);
    expect(count("-1")).toBe(-1);
    expect(count("18446744073709551615")).toBe(18446744073709551615n);
    expect(count(undefined)).toBe(0);
    expect(count("nonsense")).toBe(0);
    expect(limit("max")).toBeUndefined();
    expect(scaled(9007199254740991, 1000)).toBe(9007199254740991000n);
    expect(sum(2n ** 62n, 1)).toBe(2n ** 62n + 1n);
    expect(sum(1, 2n)).toBe(3);
  });

  test("of pressure are read, with the line of full where there is one", () => {
    expect(parsePressure(pressureText)).toEqual(pressure);
    expect(parsePressure(pressureText.split("\n")[0])?.full.total).toBe(0);
    expect(parsePressure(undefined)).toBeUndefined();
  });
});

describe("processor time", () => {
  test("of v1 comes from two controllers", () => {
    const cpu = files(1, { "cpu.stat": "nr_periods 9\nnr_throttled 3\nthrottled_time 77" });
    const accounting = files(1, {
      "cpuacct.usage": "14462545",
      "cpuacct.stat": "user 2\nsystem 1",
      "cpuacct.usage_percpu": "11044444 3418101",
      "cpuacct.usage_all": "cpu user system\n0 4000000 4000001\n1 0 4000002",
    });

    expect(readCpu(cpu, accounting)).toEqual({
      totalNs: 14462545,
      userNs: 20_000_000,
      kernelNs: 10_000_000,
      perCpu: [
        { totalNs: 11044444, userNs: 4000000, kernelNs: 4000001 },
        { totalNs: 3418101, userNs: 0, kernelNs: 4000002 },
      ],
      throttling: { periods: 9, throttledPeriods: 3, throttledNs: 77 },
      pressure: undefined,
    });
  });

  test("of v2 comes in microseconds, with pressure", () => {
    const cpu = files(2, {
      "cpu.stat":
        "usage_usec 1500\nuser_usec 1000\nsystem_usec 500\nnr_periods 4\nnr_throttled 1\nthrottled_usec 20",
      "cpu.pressure": pressureText,
    });

    expect(readCpu(cpu, cpu)).toEqual({
      totalNs: 1_500_000,
      userNs: 1_000_000,
      kernelNs: 500_000,
      perCpu: [],
      throttling: { periods: 4, throttledPeriods: 1, throttledNs: 20_000 },
      pressure,
    });
  });

  test("is zero where nobody counts it", () => {
    expect(readCpu(undefined, undefined)).toMatchObject({ totalNs: 0, perCpu: [] });
  });
});

test("a cpuset of v1 has its processors, its nodes and its flags; v2 has none", () => {
  const texts = {
    "cpuset.cpus": "0-1,4",
    "cpuset.mems": "0",
    "cpuset.sched_relax_domain_level": "-1",
  };

  expect(readCpuset(files(1, texts))).toMatchObject({
    cpus: [0, 1, 4],
    mems: [0],
    flags: { cpu_exclusive: 0, sched_relax_domain_level: -1 },
  });
  expect(readCpuset(files(2, texts))).toBeUndefined();
});

describe("memory", () => {
  test("of v1 is counted four times, as far as the kernel does", () => {
    const stats = readMemory(
      files(1, {
        "memory.stat": "cache 100\nrss 50",
        "memory.usage_in_bytes": "150",
        "memory.max_usage_in_bytes": "200",
        "memory.limit_in_bytes": "9223372036854771712",
        "memory.failcnt": "2",
        "memory.kmem.usage_in_bytes": "7",
      }),
    );

    expect(stats).toMatchObject({
      memory: { usageBytes: 150, peakBytes: 200, limitBytes: 9223372036854771712n, failures: 2 },
      memoryAndSwap: undefined,
      kernel: { usageBytes: 7 },
      kernelTcp: undefined,
      cacheBytes: 100,
    });
    expect({ ...stats.raw }).toEqual({ cache: 100, rss: 50 });
  });

  test("of v2 has swap added to it, and no limit where one of both has none", () => {
    const texts = {
      "memory.stat": "anon 50\nfile 100",
      "memory.current": "150",
      "memory.peak": "300",
      "memory.max": "1000",
      "memory.events": "low 0\nhigh 0\nmax 5\noom 0\noom_kill 0",
      "memory.swap.current": "10",
      "memory.swap.max": "24",
      "memory.pressure": pressureText,
    };

    expect(readMemory(files(2, texts))).toMatchObject({
      memory: { usageBytes: 150, peakBytes: 300, limitBytes: 1000, failures: 5 },
      memoryAndSwap: { usageBytes: 160, peakBytes: undefined, limitBytes: 1024, failures: 0 },
      cacheBytes: 100,
      pressure,
    });
    const unlimited = readMemory(files(2, { ...texts, "memory.swap.max": "max" }));
    expect(unlimited.memoryAndSwap?.limitBytes).toBeUndefined();
  });
});

describe("block I/O", () => {
  test("of v1 is the scheduler's, if it has counted, and else the throttling's", () => {
    const throttle = {
      "blkio.throttle.io_service_bytes_recursive": "8:0 Read 4096\n8:0 Total 4096\nTotal 4096",
      "blkio.throttle.io_serviced_recursive": "8:0 Read 1\nTotal 1",
    };
    const bfq = {
      "blkio.bfq.io_service_bytes_recursive": "8:16 Write 512\nTotal 512",
      "blkio.bfq.time_recursive": "8:16 33",
    };

    expect(readBlockIo(files(1, throttle))).toMatchObject({
      bytes: [
        { major: 8, minor: 0, operation: "Read", value: 4096 },
        { major: 8, minor: 0, operation: "Total", value: 4096 },
      ],
      operations: [{ operation: "Read", value: 1 }],
      time: [],
    });
    expect(readBlockIo(files(1, { ...throttle, ...bfq }))).toMatchObject({
      bytes: [{ major: 8, minor: 16, operation: "Write", value: 512 }],
      operations: [],
      time: [{ major: 8, minor: 16, operation: "", value: 33 }],
    });
    const idle = { ...throttle, "blkio.bfq.io_service_bytes_recursive": "Total 0" };
    expect(readBlockIo(files(1, idle)).bytes).toHaveLength(2);
  });

  test("of v2 is in one file", () => {
    const texts = {
      "io.stat":
        "254:0 rbytes=4096 wbytes=8 rios=2 wios=1 dbytes=0 dios=0\n254:16 rbytes=1 cost.usage=3",
      "io.pressure": pressureText,
    };
    const entry = { major: 254, minor: 0 };

    expect(readBlockIo(files(2, texts))).toMatchObject({
      bytes: [
        { ...entry, operation: "Read", value: 4096 },
        { ...entry, operation: "Write", value: 8 },
        { major: 254, minor: 16, operation: "Read", value: 1 },
      ],
      operations: [
        { ...entry, operation: "Read", value: 2 },
        { ...entry, operation: "Write", value: 1 },
      ],
      pressure,
    });
  });
});

test("processes have a limit, or none", () => {
  expect(readPids(files(2, { "pids.current": "3", "pids.max": "max" }))).toEqual({
    current: 3,
    limit: undefined,
  });
  expect(readPids(files(1, { "pids.current": "3", "pids.max": "7" })).limit).toBe(7);
});

test("huge pages are counted by their size, reserved ones where the kernel does", () => {
  const legacy = files(1, {
    "hugetlb.2MB.usage_in_bytes": "1",
    "hugetlb.2MB.rsvd.usage_in_bytes": "4194304",
    "hugetlb.2MB.rsvd.max_usage_in_bytes": "6291456",
    "hugetlb.2MB.rsvd.failcnt": "1",
    "hugetlb.1GB.usage_in_bytes": "0",
  });
  const unified = files(2, { "hugetlb.2MB.current": "2097152", "hugetlb.2MB.events": "max 3" });

  expect(readHugePages(legacy)).toEqual({
    "1GB": { usageBytes: 0, peakBytes: 0, failures: 0 },
    "2MB": { usageBytes: 4194304, peakBytes: 6291456, failures: 1 },
  });
  expect(readHugePages(unified)).toEqual({
    "2MB": { usageBytes: 2097152, peakBytes: undefined, failures: 3 },
  });
});
