import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
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

const whole = (text: string | undefined) => BigInt(text ?? "not there");

/** Of a line that has a name and a number. */
function countOf(text: string | undefined, name: string): bigint {
  const line = text?.split("\n").find((candidate) => candidate.startsWith(`${name} `));
  return whole(line?.split(" ")[1]);
}

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
    waitFor("the quota to have been met", () =>
      countOf(textIn(box, "cpu", "cpu.stat"), "nr_throttled"),
    );
    box.do("pause");
    return box;
  }

  const textIn = (box: Container, controller: string, file: string) =>
    readFileSync(join(controllerDir(controller, box.cgroupPath).dir, file), "utf8").trim();

  function metricsOf(box: Container) {
    const record = readFileSync(join(box.stateRoot, box.id, "state.json"), "utf8");
    const metrics = encodedStats(JSON.parse(record).cgroup_paths);
    if (metrics === undefined) throw new Error("there are no metrics");
    return metrics;
  }

  /** The metrics, and what the files said both before and after: the kernel adds up some things only now and then. */
  function metricsAndFiles(box: Container, names: readonly (readonly [string, string])[]) {
    const read = () => names.map(([controller, file]) => [file, textIn(box, controller, file)]);
    return waitFor("two looks that saw the same", () => {
      const before = read();
      const metrics = metricsOf(box);
      const isSame = isDeepStrictEqual(before, read());
      return isSame && { metrics, files: Object.fromEntries(before) as Record<string, string> };
    });
  }

  function expectLegacy(box: Container): void {
    const { metrics, files } = metricsAndFiles(box, [
      ["cpu", "cpu.stat"],
      ["cpuacct", "cpuacct.usage"],
      ["cpuacct", "cpuacct.stat"],
      ["cpuacct", "cpuacct.usage_percpu"],
      ["memory", "memory.stat"],
      ["memory", "memory.usage_in_bytes"],
      ["memory", "memory.max_usage_in_bytes"],
      ["blkio", "blkio.throttle.io_service_bytes_recursive"],
    ]);
    const { cpu, memory, pids, blkio, memoryOomControl } = unpack(LegacyMetrics, metrics);

    expect(pids).toEqual({ current: 1n, limit: 20n });
    expect(cpu?.usage?.total).toBe(whole(files["cpuacct.usage"]));
    expect(cpu?.usage?.user).toBe(countOf(files["cpuacct.stat"], "user") * 10_000_000n);
    expect(cpu?.usage?.perCpu.join(" ")).toBe(files["cpuacct.usage_percpu"]);
    expect(cpu?.throttling?.throttledPeriods).toBe(countOf(files["cpu.stat"], "nr_throttled"));
    expect(cpu?.throttling?.throttledTime).toBe(countOf(files["cpu.stat"], "throttled_time"));
    expect(memory?.usage).toEqual({
      limit: BigInt(limit),
      usage: whole(files["memory.usage_in_bytes"]),
      max: whole(files["memory.max_usage_in_bytes"]),
      failcnt: 0n,
    });
    expect(memory?.hierarchicalMemoryLimit).toBe(BigInt(limit));
    expect(memory?.totalPgFault).toBe(countOf(files["memory.stat"], "total_pgfault"));
    expect(memoryOomControl).toEqual({ oomKillDisable: 0n, underOom: 0n, oomKill: 0n });
    const ofDevices = files["blkio.throttle.io_service_bytes_recursive"]
      ?.split("\n")
      .filter((line) => line.includes(":"));
    expect(
      blkio?.ioServiceBytesRecursive.map(
        ({ major, minor, op, value }) => `${major}:${minor} ${op} ${value}`,
      ),
    ).toEqual(ofDevices);
  }

  function expectUnified(box: Container): void {
    const { metrics, files } = metricsAndFiles(box, [
      ["cpu", "cpu.stat"],
      ["memory", "memory.current"],
      ["memory", "memory.stat"],
      ["io", "io.stat"],
    ]);
    const { cpu, memory, pids, io, memoryEvents } = unpack(UnifiedMetrics, metrics);

    expect(pids).toEqual({ current: 1n, limit: 20n });
    expect(cpu?.usageUsec).toBe(countOf(files["cpu.stat"], "usage_usec"));
    expect(cpu?.nrThrottled).toBe(countOf(files["cpu.stat"], "nr_throttled"));
    expect(cpu?.throttledUsec).toBe(countOf(files["cpu.stat"], "throttled_usec"));
    expect(memory?.usage).toBe(whole(files["memory.current"]));
    expect(memory?.usageLimit).toBe(BigInt(limit));
    expect(memory?.pgfault).toBe(countOf(files["memory.stat"], "pgfault"));
    expect(memoryEvents).toMatchObject({ max: 0n, oom: 0n, oomKill: 0n });
    expect(io?.usage).toHaveLength(files["io.stat"]?.split("\n").filter(Boolean).length ?? 0);
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
