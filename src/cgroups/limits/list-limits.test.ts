import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Resources } from "../../generated/config";
import { weightOfShares } from "./cpu";
import type { Controller, LimitWrite } from "./limit";
import { type CgroupView, listLimits } from "./list-limits";

const legacyControllers = [
  "memory",
  "cpu",
  "cpuset",
  "blkio",
  "hugetlb",
  "rdma",
  "net_cls",
  "net_prio",
  "pids",
];
const unifiedControllers = ["memory", "cpu", "cpuset", "io", "hugetlb", "rdma", "pids"];

interface Machine {
  readonly controllers?: readonly string[];
  /** Files that are not there. */
  readonly lacks?: readonly string[];
  readonly texts?: Readonly<Record<string, string>>;
}

/** A cgroup in which every file is there that is not said to be lacking. */
function cgroup(version: 1 | 2, machine: Machine = {}): CgroupView {
  const { lacks = [], texts = {} } = machine;
  const names = machine.controllers ?? (version === 1 ? legacyControllers : unifiedControllers);
  const controller = (name: string): Controller => ({
    name,
    version,
    has: (file) => !lacks.includes(file),
    read: (file) => texts[file],
    files: () => ["hugetlb.2MB.max", "hugetlb.1GB.max", "hugetlb.2MB.limit_in_bytes"],
  });
  return {
    isUnified: version === 2,
    find: (name) => (names.includes(name) ? controller(name) : undefined),
    unified: version === 2 ? controller("") : undefined,
  };
}

/** What both versions can do, each in its own way. */
const common: Resources = {
  memory: {
    limit: 64 << 20,
    swap: 96 << 20,
    reservation: 32 << 20,
    useHierarchy: true,
    disableOOMKiller: false,
  },
  cpu: {
    shares: 512,
    quota: 50_000,
    period: 200_000,
    burst: 10_000,
    cpus: "0-3",
    mems: "0",
    idle: 0,
  },
  blockIO: {
    weight: 500,
    weightDevice: [{ major: 8, minor: 0, weight: 100 }],
    throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1_048_576 }],
    throttleWriteBpsDevice: [{ major: 8, minor: 0, rate: 2_097_152 }],
    throttleReadIOPSDevice: [{ major: 8, minor: 16, rate: 100 }],
    throttleWriteIOPSDevice: [{ major: 8, minor: 16, rate: 200 }],
  },
  hugepageLimits: [{ pageSize: "2MB", limit: 18_446_744_073_709_551_615n }],
  rdma: { mlx5_0: { hcaHandles: 3, hcaObjects: 10_000 }, mlx5_1: { hcaObjects: 5 } },
  pids: { limit: 32 },
};

const inputs: Readonly<Record<string, Resources>> = {
  common,
  "no limits": {
    memory: { limit: -1, reservation: -1 },
    cpu: { quota: -1, period: 100_000 },
    pids: { limit: -1 },
  },
  "zeros, which engines send for what nobody set": {
    memory: { limit: 0, swap: 0, reservation: 0, kernel: 0, kernelTCP: 0 },
    cpu: {
      shares: 0,
      quota: 0,
      period: 0,
      realtimePeriod: 0,
      realtimeRuntime: 0,
      cpus: "",
      mems: "",
    },
    blockIO: { weight: 0, leafWeight: 0 },
    network: { classID: 0, priorities: [] },
  },
  "no process besides the program": { pids: { limit: 0 } },
  idle: { cpu: { shares: 2, idle: 1 } },
};

const legacyOnly: Resources = {
  memory: { kernel: 1 << 20, kernelTCP: 1 << 20, swappiness: 60, disableOOMKiller: true },
  cpu: { realtimePeriod: 1_000_000, realtimeRuntime: 950_000 },
  blockIO: { leafWeight: 300, weightDevice: [{ major: 8, minor: 0, leafWeight: 200 }] },
  network: { classID: 0x100001, priorities: [{ name: "eth0", priority: 5 }] },
};

const unifiedOnly: Resources = {
  memory: { limit: 64 << 20 },
  unified: {
    "memory.high": "50331648",
    "io.max": "8:0 rbps=1\n8:16 wbps=2\n",
    "cgroup.max.depth": "3",
  },
};

const print = (writes: readonly LimitWrite[]) =>
  writes.map(
    ({ controller, file, value, property, whenRefused }) =>
      `${controller || "core"} ${file} <- ${value}  # ${property}${whenRefused === undefined ? "" : `, ${whenRefused}`}`,
  );

const section = (title: string, writes: readonly LimitWrite[]) =>
  [`## ${title}`, ...print(writes), ""].join("\n");

describe("limits are written as they were reviewed; UPDATE_GOLDEN=1 writes them anew", () => {
  test.each([
    ["v1", cgroup(1), legacyOnly],
    ["v2", cgroup(2), unifiedOnly],
  ] as const)("%s", (name, view, own) => {
    const file = join(__dirname, "golden", `${name}.txt`);
    const all = { ...inputs, [`of ${name} only`]: own };
    const printed = Object.entries(all)
      .map(([title, resources]) => section(title, listLimits(resources, view)))
      .join("\n");
    if (process.env.UPDATE_GOLDEN === "1") writeFileSync(file, printed);

    expect(printed).toBe(readFileSync(file, "utf8"));
  });
});

describe("what a cgroup cannot do is refused", () => {
  const refusal = (resources: Resources, view: CgroupView) => () => listLimits(resources, view);

  test.each<[string, Resources, CgroupView, RegExp]>([
    [
      "a missing controller",
      { memory: { limit: 1 << 20 } },
      cgroup(1, { controllers: [] }),
      /"\/linux\/resources\/memory\/limit" needs the cgroup controller "memory"/,
    ],
    [
      "a missing controller of v2",
      { blockIO: { throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1 }] } },
      cgroup(2, { controllers: [] }),
      /needs the cgroup controller "io"/,
    ],
    [
      "swap that the kernel does not count",
      { memory: { swap: 1 << 20 } },
      cgroup(1, { lacks: ["memory.memsw.limit_in_bytes"] }),
      /swapaccount=1/,
    ],
    [
      "swap without a limit of memory on v2",
      { memory: { swap: 1 << 20 } },
      cgroup(2),
      /needs a limit of memory with it/,
    ],
    [
      "less memory and swap than memory on v2",
      { memory: { limit: 2, swap: 1 } },
      cgroup(2),
      /must be at least "limit", which is 2/,
    ],
    [
      "swappiness on v2",
      { memory: { swappiness: 0 } },
      cgroup(2),
      /swappiness" is 0, which cgroup v2 has no file for/,
    ],
    ["kernel memory on v2", { memory: { kernel: 1 } }, cgroup(2), /kernel" is 1, which cgroup v2/],
    [
      "no OOM killer on v2",
      { memory: { disableOOMKiller: true } },
      cgroup(2),
      /disableOOMKiller" is true/,
    ],
    [
      "a flat hierarchy on v2",
      { memory: { useHierarchy: false } },
      cgroup(2),
      /useHierarchy" is false/,
    ],
    ["real-time limits on v2", { cpu: { realtimePeriod: 5 } }, cgroup(2), /realtimePeriod" is 5/],
    [
      "real-time limits without support",
      { cpu: { realtimeRuntime: 5 } },
      cgroup(1, { lacks: ["cpu.rt_runtime_us"] }),
      /CONFIG_RT_GROUP_SCHED/,
    ],
    ["leaf weights on v2", { blockIO: { leafWeight: 10 } }, cgroup(2), /leafWeight" is 10/],
    [
      "weights without a scheduler that has them",
      { blockIO: { weight: 10 } },
      cgroup(1, { lacks: ["blkio.weight", "blkio.bfq.weight"] }),
      /BFQ/,
    ],
    ["a class of packets on v2", { network: { classID: 7 } }, cgroup(2), /classID" is 7/],
    [
      "a page size that the machine lacks",
      { hugepageLimits: [{ pageSize: "3MB", limit: 1 }] },
      cgroup(2, { lacks: ["hugetlb.3MB.max"] }),
      /pageSize" is "3MB", and this machine has "1GB", "2MB"/,
    ],
    ["too few shares", { cpu: { shares: 1 } }, cgroup(2), /minimum allowed cpu-shares is 2/],
    [
      "too many shares",
      { cpu: { shares: 300_000 } },
      cgroup(1),
      /maximum allowed cpu-shares is 262144/,
    ],
    [
      "burst on an old kernel",
      { cpu: { burst: 5 } },
      cgroup(2, { lacks: ["cpu.max.burst"] }),
      /Linux 5\.14/,
    ],
    [
      "files of v2 on v1",
      { unified: { "memory.max": "1" } },
      cgroup(1),
      /this machine has cgroup v1/,
    ],
    [
      "a file that moves whoever writes to it",
      { unified: { "cgroup.procs": "0" } },
      cgroup(2),
      /would move processes/,
    ],
    [
      "a file that is not there",
      { unified: { "misc.max": "1" } },
      cgroup(2, { lacks: ["misc.max"], texts: { "cgroup.controllers": "memory pids" } }),
      /misc\.max" can't be set: .* controllers are memory pids/,
    ],
    [
      "a limit below what is used, when that is to be checked",
      { memory: { limit: 99, checkBeforeUpdate: true } },
      cgroup(2, { texts: { "memory.current": "100" } }),
      /rejecting memory limit 99 < usage 100/,
    ],
    [
      "a limit of memory and swap below what is used of both",
      { memory: { limit: 99, swap: 109, checkBeforeUpdate: true } },
      cgroup(2, { texts: { "memory.current": "90", "memory.swap.current": "20" } }),
      /rejecting memory\+swap limit 109 < usage 110/,
    ],
  ])("%s", (_, resources, view, message) => {
    expect(refusal(resources, view)).toThrow(message);
  });

  test("nothing is refused for a controller that nothing is asked of", () => {
    const view = cgroup(1, { controllers: [] });

    expect(
      listLimits(inputs["zeros, which engines send for what nobody set"] as Resources, view),
    ).toEqual([]);
  });
});

describe("the order on a living cgroup", () => {
  const files = (resources: Resources, view: CgroupView) =>
    listLimits(resources, view).map(({ file }) => file);
  const both = { memory: { limit: 100, swap: 200 } };

  test.each([
    [
      "a limit above the present one of both",
      "50",
      ["memory.memsw.limit_in_bytes", "memory.limit_in_bytes"],
    ],
    ["a limit below it", "150", ["memory.limit_in_bytes", "memory.memsw.limit_in_bytes"]],
  ])("%s", (_, present, expected) => {
    const view = cgroup(1, { texts: { "memory.memsw.limit_in_bytes": present } });

    expect(files(both, view)).toEqual(expected);
  });

  test("the OOM killer comes back when it was off", () => {
    const view = cgroup(1, { texts: { "memory.oom_control": "oom_kill_disable 1\nunder_oom 0" } });

    expect(print(listLimits({ memory: { disableOOMKiller: false } }, view))).toEqual([
      "memory memory.oom_control <- 0  # /linux/resources/memory/disableOOMKiller",
    ]);
  });

  test("without swap to count, no swap is no limit to write", () => {
    const view = cgroup(2, { lacks: ["memory.swap.max"] });

    expect(files({ memory: { limit: 100, swap: 100 } }, view)).toEqual(["memory.max"]);
  });
});

test("a quota without a period is one of the kernel's own period on v2, where both are one file", () => {
  expect(print(listLimits({ cpu: { quota: 50_000 } }, cgroup(2)))).toEqual([
    "cpu cpu.max <- 50000 100000  # /linux/resources/cpu/quota, retry",
  ]);
});

test.each([
  [2, 1],
  [1024, 100],
  [262_144, 10_000],
])("%d shares are a weight of %d", (shares, weight) => {
  expect(weightOfShares(shares)).toBe(weight);
});
