import type { StatsFiles } from "../cgroups/stats/parse";
import { legacyMetrics } from "./metrics-v1";

type Controllers = Readonly<Record<string, Readonly<Record<string, string>>>>;

const partitions = `major minor  #blocks  name

 254        0  268435456 vda
 254        1  268434432 vda1
 254        0  268435456 again
`;

function metricsOf(controllers: Controllers, readPartitions = () => partitions) {
  const find = (controller: string): StatsFiles | undefined => {
    const texts = controllers[controller];
    if (texts === undefined) return undefined;
    return { version: 1, read: (file) => texts[file], names: () => Object.keys(texts) };
  };
  return legacyMetrics(find, readPartitions);
}

test("without controllers there is only an empty count of the processors", () => {
  expect(metricsOf({})).toEqual({
    hugetlb: [],
    pids: undefined,
    cpu: {
      usage: { total: 0n, kernel: 0n, user: 0n, perCpu: [] },
      throttling: { periods: 0n, throttledPeriods: 0n, throttledTime: 0n },
    },
    memory: undefined,
    blkio: undefined,
    rdma: undefined,
    network: [],
    cgroupStats: undefined,
    memoryOomControl: undefined,
  });
});

test("processor time is in nanoseconds, of which a tick of the clock has ten million", () => {
  const { cpu } = metricsOf({
    cpu: { "cpu.stat": "nr_periods 9\nnr_throttled 3\nthrottled_time 77" },
    cpuacct: {
      "cpuacct.usage": "14462545",
      "cpuacct.stat": "user 2\nsystem 1",
      "cpuacct.usage_percpu": "11044444 3418101",
    },
  });

  expect(cpu).toEqual({
    usage: {
      total: 14462545n,
      user: 20_000_000n,
      kernel: 10_000_000n,
      perCpu: [11044444n, 3418101n],
    },
    throttling: { periods: 9n, throttledPeriods: 3n, throttledTime: 77n },
  });
});

test.each([
  ["20", 20n],
  ["max", 0n],
])("a limit of processes that is %s is %d", (limit, expected) => {
  const { pids } = metricsOf({ pids: { "pids.current": "3", "pids.max": limit } });

  expect(pids).toEqual({ current: 3n, limit: expected });
});

describe("memory", () => {
  const texts = {
    "memory.stat": [
      "cache 1\nrss 2\nrss_huge 3\npgpgin 7\npgmajfault 10",
      "hierarchical_memory_limit 9223372036854771712\nhierarchical_memsw_limit 17",
      "total_cache 18\ntotal_pgpgout 25\ntotal_unevictable 32",
    ].join("\n"),
    "memory.usage_in_bytes": "150",
    "memory.max_usage_in_bytes": "200",
    "memory.limit_in_bytes": "9223372036854771712",
    "memory.failcnt": "2",
    "memory.kmem.tcp.usage_in_bytes": "7",
  };

  test("has the lines of memory.stat under containerd's names, and limits that no double holds", () => {
    expect(metricsOf({ memory: texts }).memory).toMatchObject({
      cache: 1n,
      rss: 2n,
      rssHuge: 3n,
      mappedFile: 0n,
      pgPgIn: 7n,
      pgMajFault: 10n,
      hierarchicalMemoryLimit: 9223372036854771712n,
      hierarchicalSwapLimit: 17n,
      totalCache: 18n,
      totalPgPgOut: 25n,
      totalUnevictable: 32n,
    });
  });

  test("has all four counters, with zeros in those that the kernel does not count", () => {
    const nothing = { limit: 0n, usage: 0n, max: 0n, failcnt: 0n };

    expect(metricsOf({ memory: texts }).memory).toMatchObject({
      usage: { limit: 9223372036854771712n, usage: 150n, max: 200n, failcnt: 2n },
      swap: nothing,
      kernel: nothing,
      kernelTcp: { ...nothing, usage: 7n },
    });
  });

  test("is not there when its cgroup is gone", () => {
    const metrics = metricsOf({ memory: {} });

    expect(metrics.memory).toBeUndefined();
    expect(metrics.memoryOomControl).toBeUndefined();
  });

  test("comes with what has become of the lack of it", () => {
    const control = "oom_kill_disable 1\nunder_oom 0\noom_kill 4";

    expect(metricsOf({ memory: { "memory.oom_control": control } }).memoryOomControl).toEqual({
      oomKillDisable: 1n,
      underOom: 0n,
      oomKill: 4n,
    });
  });
});

describe("block I/O", () => {
  const throttle = {
    "blkio.throttle.io_service_bytes_recursive":
      "254:0 Read 4096\n254:0 Total 4096\n7:0 Read 1\nTotal 4097",
    "blkio.throttle.io_serviced_recursive": "254:0 Read 2\nTotal 2",
  };

  test("is counted by device, whose name is the first that the kernel has for it", () => {
    const disk = { device: "/dev/vda", major: 254n, minor: 0n };

    expect(metricsOf({ blkio: throttle }).blkio).toEqual({
      ioServiceBytesRecursive: [
        { ...disk, op: "Read", value: 4096n },
        { ...disk, op: "Total", value: 4096n },
        { op: "Read", device: "", major: 7n, minor: 0n, value: 1n },
      ],
      ioServicedRecursive: [{ ...disk, op: "Read", value: 2n }],
      ioQueuedRecursive: [],
      ioServiceTimeRecursive: [],
      ioWaitTimeRecursive: [],
      ioMergedRecursive: [],
      ioTimeRecursive: [],
      sectorsRecursive: [],
    });
  });

  test("is that of all devices, with what BFQ counts of its own", () => {
    const bfq = {
      "blkio.bfq.io_service_bytes_recursive": "254:0 Read 5\nTotal 5",
      "blkio.bfq.time_recursive": "254:0 33",
    };

    const { blkio } = metricsOf({ blkio: { ...throttle, ...bfq } });

    expect(blkio?.ioServiceBytesRecursive).toHaveLength(3);
    expect(blkio?.ioTimeRecursive).toEqual([
      { op: "", device: "/dev/vda", major: 254n, minor: 0n, value: 33n },
    ]);
  });

  test("is BFQ's where the throttling is not built in", () => {
    const bfq = { "blkio.bfq.io_service_bytes_recursive": "254:1 Write 5\nTotal 5" };

    expect(metricsOf({ blkio: bfq }).blkio?.ioServiceBytesRecursive).toEqual([
      { op: "Write", device: "/dev/vda1", major: 254n, minor: 1n, value: 5n },
    ]);
  });

  test("that there was none of needs no names", () => {
    const fail = () => {
      throw new Error("read");
    };

    expect(metricsOf({ blkio: {} }, fail).blkio?.ioServiceBytesRecursive).toEqual([]);
  });
});

test("huge pages are those in use, by their size", () => {
  const hugetlb = {
    "hugetlb.2MB.usage_in_bytes": "4194304",
    "hugetlb.2MB.max_usage_in_bytes": "6291456",
    "hugetlb.2MB.failcnt": "1",
    "hugetlb.2MB.rsvd.usage_in_bytes": "99",
    "hugetlb.1GB.usage_in_bytes": "0",
  };

  expect(metricsOf({ hugetlb }).hugetlb).toEqual([
    { pagesize: "1GB", usage: 0n, max: 0n, failcnt: 0n },
    { pagesize: "2MB", usage: 4194304n, max: 6291456n, failcnt: 1n },
  ]);
});

describe("RDMA", () => {
  const current = "mlx4_0 hca_handle=2 hca_object=2000\nocrdma1 hca_handle=3 hca_object=1";

  test("devices have what is used and what may be", () => {
    const limit = "mlx4_0 hca_handle=5 hca_object=max\nocrdma1 hca_handle=max hca_object=max";

    expect(metricsOf({ rdma: { "rdma.current": current, "rdma.max": limit } }).rdma).toEqual({
      current: [
        { device: "mlx4_0", hcaHandles: 2, hcaObjects: 2000 },
        { device: "ocrdma1", hcaHandles: 3, hcaObjects: 1 },
      ],
      limit: [
        { device: "mlx4_0", hcaHandles: 5, hcaObjects: 4294967295 },
        { device: "ocrdma1", hcaHandles: 4294967295, hcaObjects: 4294967295 },
      ],
    });
  });

  test("devices that went away between two looks are left out with all others", () => {
    const limit = "mlx4_0 hca_handle=5 hca_object=max";

    expect(
      metricsOf({ rdma: { "rdma.current": current, "rdma.max": limit } }).rdma,
    ).toBeUndefined();
  });
});
