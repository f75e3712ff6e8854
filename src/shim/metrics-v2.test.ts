import { unifiedMetrics } from "./metrics-v2";
import { maxUint64 } from "./uint64";

const metricsOf = (texts: Readonly<Record<string, string>>) =>
  unifiedMetrics({ version: 2, read: (file) => texts[file], names: () => Object.keys(texts) });

const averages = "avg10=1.50 avg60=0.25 avg300=0.00";

test("without files all that containerd always has is there, and is zero", () => {
  const metrics = metricsOf({});

  expect(metrics).toMatchObject({
    pids: { current: 0n, limit: 0n },
    cpu: { usageUsec: 0n, burstUsec: 0n, psi: undefined },
    memory: { anon: 0n, usage: 0n, usageLimit: 0n, psi: undefined },
    rdma: { current: [], limit: [] },
    io: { usage: [], psi: undefined },
    hugetlb: [],
    memoryEvents: undefined,
    network: [],
  });
});

test.each([
  ["20", 20n],
  ["max", maxUint64],
])("a limit of processes that is %s is %d", (limit, expected) => {
  expect(metricsOf({ "pids.current": "3", "pids.max": limit }).pids).toEqual({
    current: 3n,
    limit: expected,
  });
});

test("processor time is in microseconds, with bursts and pressure", () => {
  const stat = [
    "usage_usec 1500\nuser_usec 1000\nsystem_usec 500\nnr_periods 4\nnr_throttled 1",
    "throttled_usec 20\nnr_bursts 6\nburst_usec 7",
  ].join("\n");

  // Before Linux 5.13 there was no line of full here.
  expect(
    metricsOf({ "cpu.stat": stat, "cpu.pressure": `some ${averages} total=12345` }).cpu,
  ).toEqual({
    usageUsec: 1500n,
    userUsec: 1000n,
    systemUsec: 500n,
    nrPeriods: 4n,
    nrThrottled: 1n,
    throttledUsec: 20n,
    nrBursts: 6n,
    burstUsec: 7n,
    psi: { some: { avg10: 1.5, avg60: 0.25, avg300: 0, total: 12345n }, full: undefined },
  });
});

describe("memory", () => {
  test("has the lines of memory.stat, and swap alone", () => {
    const { memory } = metricsOf({
      "memory.stat":
        "anon 1\nkernel_stack 3\nslab_reclaimable 16\nworkingset_refault_anon 39\nthp_collapse_alloc 31",
      "memory.current": "150",
      "memory.max": "max",
      "memory.peak": "300",
      "memory.swap.current": "10",
      "memory.swap.max": "24",
      "memory.swap.peak": "12",
      "memory.pressure": `some ${averages} total=1\nfull ${averages} total=2`,
    });

    expect(memory).toMatchObject({
      anon: 1n,
      kernelStack: 3n,
      slabReclaimable: 16n,
      workingsetRefault: 0n,
      workingsetRefaultAnon: 39n,
      thpCollapseAlloc: 31n,
      usage: 150n,
      usageLimit: maxUint64,
      maxUsage: 300n,
      swapUsage: 10n,
      swapLimit: 24n,
      swapMaxUsage: 12n,
      psi: { some: { total: 1n }, full: { avg10: 1.5, total: 2n } },
    });
  });

  test("comes with what has become of the lack of it", () => {
    const events = "low 1\nhigh 2\nmax 3\noom 4\noom_kill 5\noom_group_kill 6";

    expect(metricsOf({ "memory.events": events }).memoryEvents).toEqual({
      low: 1n,
      high: 2n,
      max: 3n,
      oom: 4n,
      oomKill: 5n,
      oomGroupKill: 6n,
    });
  });
});

test("block I/O is counted by device", () => {
  const { io } = metricsOf({
    "io.stat":
      "254:0 rbytes=4096 wbytes=8 rios=2 wios=1 dbytes=9 dios=9\n254:16 rbytes=1 cost.usage=3",
    "io.pressure": `some ${averages} total=1\nfull ${averages} total=2`,
  });

  expect(io?.usage).toEqual([
    { major: 254n, minor: 0n, rbytes: 4096n, wbytes: 8n, rios: 2n, wios: 1n },
    { major: 254n, minor: 16n, rbytes: 1n, wbytes: 0n, rios: 0n, wios: 0n },
  ]);
  expect(io?.psi?.full?.total).toBe(2n);
});

test("huge pages have a limit, and how often it was met", () => {
  const texts = {
    "hugetlb.2MB.current": "2097152",
    "hugetlb.2MB.rsvd.current": "99",
    "hugetlb.2MB.max": "max",
    "hugetlb.2MB.events": "max 3",
  };

  expect(metricsOf(texts).hugetlb).toEqual([
    { pagesize: "2MB", current: 2097152n, max: maxUint64, failcnt: 3n },
  ]);
});

test("RDMA devices have what is used and what may be", () => {
  const { rdma } = metricsOf({
    "rdma.current": "mlx4_0 hca_handle=2 hca_object=2000",
    "rdma.max": "mlx4_0 hca_handle=max hca_object=3000",
  });

  expect(rdma).toEqual({
    current: [{ device: "mlx4_0", hcaHandles: 2, hcaObjects: 2000 }],
    limit: [{ device: "mlx4_0", hcaHandles: 4294967295, hcaObjects: 3000 }],
  });
});
