import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Metrics as LegacyMetrics } from "../../src/generated/shim/metrics-v1";
import { Metrics as UnifiedMetrics } from "../../src/generated/shim/metrics-v2";
import { kindOf, unpack } from "../../src/shim/any";
import { encodedStats } from "../../src/shim/metrics";
import { processOf } from "../support/config";
import type { Container } from "../support/container";
import { controllerDir } from "../support/host";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";
import { waitFor } from "../support/wait";

const mebibyte = 1024 * 1024;
const limit = 64 * mebibyte;

rootSuite("what a shim tells containerd of a container", () => {
  const container = useContainers();

  /** It has used a processor, has met its quota, and does nothing any more. */
  function pausedContainer(): Container {
    const box = container((config) => {
      config.linux.resources = {
        memory: { limit },
        pids: { limit: 20 },
        cpu: { quota: 10_000, period: 100_000 },
      };
      processOf(config).args = ["/bin/sh", "-c", "while :; do :; done"];
    });
    box.addBusybox();
    box.do("create");
    box.do("start");
    waitFor("the quota to have been met", () => countIn(box, "cpu", "cpu.stat", "nr_throttled"));
    box.do("pause");
    return box;
  }

  const textIn = (box: Container, controller: string, file: string) =>
    readFileSync(join(controllerDir(controller, box.cgroupPath).dir, file), "utf8").trim();

  /** A line of a name and a number. */
  function countIn(box: Container, controller: string, file: string, name: string): bigint {
    const line = textIn(box, controller, file)
      .split("\n")
      .find((candidate) => candidate.startsWith(`${name} `));
    return BigInt(line?.split(" ")[1] ?? 0);
  }

  const wholeIn = (box: Container, controller: string, file: string) =>
    BigInt(textIn(box, controller, file));

  function metricsOf(box: Container) {
    const record = readFileSync(join(box.stateRoot, box.id, "state.json"), "utf8");
    const metrics = encodedStats(JSON.parse(record).cgroup_paths);
    if (metrics === undefined) throw new Error("there are no metrics");
    return metrics;
  }

  function expectLegacy(box: Container): void {
    const metrics = unpack(LegacyMetrics, metricsOf(box));
    const { cpu, memory, pids, blkio, memoryOomControl } = metrics;

    expect(pids).toEqual({ current: 1n, limit: 20n });
    expect(cpu?.usage?.total).toBe(wholeIn(box, "cpuacct", "cpuacct.usage"));
    expect(cpu?.usage?.user).toBe(countIn(box, "cpuacct", "cpuacct.stat", "user") * 10_000_000n);
    expect(cpu?.usage?.perCpu.join(" ")).toBe(textIn(box, "cpuacct", "cpuacct.usage_percpu"));
    expect(cpu?.throttling?.throttledPeriods).toBe(countIn(box, "cpu", "cpu.stat", "nr_throttled"));
    expect(cpu?.throttling?.throttledTime).toBe(countIn(box, "cpu", "cpu.stat", "throttled_time"));
    expect(memory?.usage).toMatchObject({
      limit: BigInt(limit),
      max: wholeIn(box, "memory", "memory.max_usage_in_bytes"),
      failcnt: 0n,
    });
    // The kernel may still take back some of it.
    expect(memory?.usage?.usage).toBeGreaterThan(0n);
    expect(memory?.hierarchicalMemoryLimit).toBe(BigInt(limit));
    expect(memory?.totalPgFault).toBe(countIn(box, "memory", "memory.stat", "total_pgfault"));
    expect(memoryOomControl).toEqual({ oomKillDisable: 0n, underOom: 0n, oomKill: 0n });
    const ofDevices = textIn(box, "blkio", "blkio.throttle.io_service_bytes_recursive")
      .split("\n")
      .filter((line) => line.includes(":"));
    expect(
      blkio?.ioServiceBytesRecursive.map(
        ({ major, minor, op, value }) => `${major}:${minor} ${op} ${value}`,
      ),
    ).toEqual(ofDevices);
  }

  function expectUnified(box: Container): void {
    const metrics = unpack(UnifiedMetrics, metricsOf(box));
    const { cpu, memory, pids, io, memoryEvents } = metrics;

    expect(pids).toEqual({ current: 1n, limit: 20n });
    expect(cpu?.usageUsec).toBe(countIn(box, "cpu", "cpu.stat", "usage_usec"));
    expect(cpu?.nrThrottled).toBe(countIn(box, "cpu", "cpu.stat", "nr_throttled"));
    expect(cpu?.throttledUsec).toBe(countIn(box, "cpu", "cpu.stat", "throttled_usec"));
    expect(memory?.usage).toBeGreaterThan(0n);
    expect(memory?.usageLimit).toBe(BigInt(limit));
    expect(memory?.pgfault).toBe(countIn(box, "memory", "memory.stat", "pgfault"));
    expect(memoryEvents).toMatchObject({ max: 0n, oom: 0n, oomKill: 0n });
    const devices = textIn(box, "io", "io.stat").split("\n").filter(Boolean);
    expect(io?.usage).toHaveLength(devices.length);
  }

  shows(
    "peers",
    "the metrics for containerd are those of the machine's version, and are the kernel's",
    () => {
      const box = pausedContainer();
      const { version } = controllerDir("memory", box.cgroupPath);

      expect(kindOf(metricsOf(box))).toBe(`io.containerd.cgroups.v${version}.Metrics`);
      if (version === 1) expectLegacy(box);
      else expectUnified(box);
    },
    ["static busybox"],
  );

  shows("peers", "a container that is gone has metrics of nothing", () => {
    const box = container();
    box.do("create");
    const record = readFileSync(join(box.stateRoot, box.id, "state.json"), "utf8");
    box.do("delete", ["--force"]);

    const metrics = encodedStats(JSON.parse(record).cgroup_paths);

    if (metrics === undefined) throw new Error("there are no metrics");
    if (kindOf(metrics) === LegacyMetrics.$type) {
      expect(unpack(LegacyMetrics, metrics)).toMatchObject({ pids: undefined, memory: undefined });
    } else {
      expect(unpack(UnifiedMetrics, metrics)).toMatchObject({ pids: { current: 0n } });
    }
  });
});
