import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { processOf } from "../support/config";
import type { Container } from "../support/container";
import { controllerDir } from "../support/host";
import { giveRealTimeBudget } from "../support/real-time";
import { tried } from "../support/report";
import { callRuntime, describeOutcome, expectRefusal } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

const mebibyte = 1024 * 1024;

rootSuite("update", () => {
  const container = useContainers();

  function created(resources: Record<string, unknown> = {}): Container {
    const box = container((config) => {
      config.linux.resources = resources;
    });
    box.do("create");
    return box;
  }

  const attempt = (box: Container, args: readonly string[], input?: string) =>
    callRuntime(["--root", box.stateRoot, "update", ...args], input === undefined ? {} : { input });

  function update(box: Container, flags: readonly string[], input?: string): void {
    const outcome = attempt(box, [...flags, box.id], input);
    if (outcome.status !== 0) throw new Error(describeOutcome(["update", ...flags], outcome));
    expect(outcome).toMatchObject({ stdout: "", stderr: "" });
  }

  /** What a file holds, by its name in v1 and in v2. */
  function limit(box: Container, controller: string, v1: string, v2 = v1): string {
    const { version, dir } = controllerDir(controller, box.cgroupPath);
    return readFileSync(join(dir, version === 1 ? v1 : v2), "utf8").trim();
  }

  const isLegacy = (controller: string, box: Container) =>
    controllerDir(controller, box.cgroupPath).version === 1;
  const memory = (box: Container) => limit(box, "memory", "memory.limit_in_bytes", "memory.max");
  /** Memory and swap together. */
  const both = (box: Container) =>
    isLegacy("memory", box)
      ? Number(limit(box, "memory", "memory.memsw.limit_in_bytes"))
      : Number(memory(box)) + Number(limit(box, "memory", "memory.swap.max"));

  shows("peers", "each flag changes its limit, and leaves the others as they are", () => {
    const box = created({ memory: { limit: 64 * mebibyte }, pids: { limit: 50 } });

    update(box, ["--pids-limit", "20"]);
    update(box, ["--memory-reservation=32M"]);
    update(box, ["--cpu-share", "512", "--cpuset-cpus", "0", "--cpuset-mems=0"]);

    expect(limit(box, "pids", "pids.max")).toBe("20");
    expect(memory(box)).toBe(String(64 * mebibyte));
    expect(limit(box, "memory", "memory.soft_limit_in_bytes", "memory.low")).toBe(
      String(32 * mebibyte),
    );
    expect(limit(box, "cpu", "cpu.shares", "cpu.weight")).toBe(isLegacy("cpu", box) ? "512" : "59");
    expect(limit(box, "cpuset", "cpuset.cpus")).toBe("0");
    expect(limit(box, "cpuset", "cpuset.mems")).toBe("0");
  });

  shows("peers", "flags may stand behind the id, and numbers of processes have two ends", () => {
    const box = created();

    expect(attempt(box, [box.id, "--pids-limit", "0"]).status).toBe(0);
    expect(limit(box, "pids", "pids.max")).toBe("1");
    expect(attempt(box, [box.id, "--pids-limit=-1"]).status).toBe(0);
    expect(limit(box, "pids", "pids.max")).toBe("max");
  });

  shows(
    "peers",
    "memory and swap go up and down together, whichever has to be written first",
    () => {
      const box = created({ memory: { limit: 32 * mebibyte, swap: 32 * mebibyte } });

      update(box, ["--memory", "96M", "--memory-swap", "128M"]);
      expect([Number(memory(box)), both(box)]).toEqual([96 * mebibyte, 128 * mebibyte]);

      update(box, ["--memory", "16M", "--memory-swap", "16M"]);
      expect([Number(memory(box)), both(box)]).toEqual([16 * mebibyte, 16 * mebibyte]);

      update(box, ["--memory=-1"]);
      expect(memory(box)).toMatch(/^(max|9223372036854771712)$/);
    },
  );

  shows("peers", "a quota without its period keeps the period, and the other way round", () => {
    const box = created({ cpu: { quota: 30_000, period: 60_000 } });
    const quota = () =>
      isLegacy("cpu", box)
        ? `${limit(box, "cpu", "cpu.cfs_quota_us")} ${limit(box, "cpu", "cpu.cfs_period_us")}`
        : limit(box, "cpu", "cpu.max");

    update(box, ["--cpu-quota", "15000"]);
    expect(quota()).toBe("15000 60000");
    update(box, ["--cpu-period", "90000"]);
    expect(quota()).toBe("15000 90000");
    update(box, ["--cpu-quota=-1"]);
    expect(quota()).toMatch(/^(-1|max) 90000$/);
  });

  shows("peers", "a pair that is valid only in the other order of writes is written", () => {
    const box = container();
    box.config.linux.cgroupsPath = join(box.cgroupPath, "pod", "own");
    box.config.linux.resources = { cpu: { quota: 40_000, period: 100_000 } };
    box.writeConfig();
    box.do("create");
    const { version, dir } = controllerDir("cpu", join(box.cgroupPath, "pod"));
    const half = version === 1 ? ["cpu.cfs_quota_us", "50000"] : ["cpu.max", "50000 100000"];
    writeFileSync(join(dir, String(half[0])), String(half[1]));

    // With its old quota the new period would be more than the half that the one above it has.
    update(box, ["--cpu-period", "10000", "--cpu-quota", "3000"]);
    const own = join(dir, "own", version === 1 ? "cpu.cfs_quota_us" : "cpu.max");
    expect(readFileSync(own, "utf8")).toMatch(/^3000( 10000)?\n$/);

    update(box, ["--cpu-period", "100000", "--cpu-quota", "45000"]);
    expect(readFileSync(own, "utf8")).toMatch(/^45000( 100000)?\n$/);
    if (version === 1) expectRefusal(attempt(box, ["--cpu-quota", "60000", box.id]), "60000");
  });

  shows(
    "peers",
    "a real-time pair is written in the order in which it is valid",
    () => {
      const box = container();
      // The cgroup gets 0.1 % of the time, and may have 2 %.
      const removeBudget = giveRealTimeBudget(box.cgroupPath);
      box.do("create");
      const pair = () => [
        limit(box, "cpu", "cpu.rt_period_us"),
        limit(box, "cpu", "cpu.rt_runtime_us"),
      ];

      update(box, ["--cpu-rt-period", "20000", "--cpu-rt-runtime", "200"]);
      expect(pair()).toEqual(["20000", "200"]);
      update(box, ["--cpu-rt-period", "800000", "--cpu-rt-runtime", "8000"]);
      expect(pair()).toEqual(["800000", "8000"]);

      box.do("delete", ["--force"]);
      removeBudget();
    },
    ["real-time budgets"],
  );

  shows("peers", "resources come from standard input and from a file, and flags count more", () => {
    const box = created({ pids: { limit: 50 } });
    const file = join(box.dir, "resources.json");
    writeFileSync(file, JSON.stringify({ pids: { limit: 9 }, cpu: { shares: 300 } }));
    const shares = () => limit(box, "cpu", "cpu.shares", "cpu.weight");

    update(box, ["-r", "-"], '{"pids": {"limit": 11}, "memory": null}');
    expect(limit(box, "pids", "pids.max")).toBe("11");
    update(box, [`--resources=${file}`, "--pids-limit=7"]);
    expect([limit(box, "pids", "pids.max"), shares()]).toEqual([
      "7",
      isLegacy("cpu", box) ? "300" : "39",
    ]);

    const wrong = attempt(box, ["-r", "-", box.id], '{\n"pids": {"limit": true}}');
    expectRefusal(wrong, "standard input", "2:19: /linux/resources/pids/limit");
    expectRefusal(attempt(box, ["-r", join(box.dir, "nothing"), box.id]), "nothing");
    expect(limit(box, "pids", "pids.max")).toBe("7");
  });

  shows(
    "ours",
    "device rules that come with other resources leave the container's devices alone",
    () => {
      const box = container((config) => {
        config.linux.resources = { devices: [{ allow: false, access: "rwm" }] };
      });
      const shared = box.share("/shared");
      box.probe("--open", "/dev/null", "--out", "/shared/report");
      box.do("create");

      update(box, ["-r", "-"], '{"devices": [{"allow": false, "access": "rwm"}]}');
      box.do("start");
      box.waitUntilStopped();

      const report = JSON.parse(readFileSync(join(shared, "report"), "utf8"));
      expect(tried(report, "open", "/dev/null").error).toBe("");
    },
  );

  shows("peers", "what cannot be is refused, and changes nothing", () => {
    const box = created({ pids: { limit: 50 } });

    for (const idle of ["-1", "2", "3"]) {
      expectRefusal(attempt(box, [`--cpu-idle=${idle}`, box.id]), "/linux/resources/cpu/idle");
    }
    expectRefusal(attempt(box, ["--cpuset-cpus=4096", box.id]), "4096");
    expectRefusal(attempt(box, ["--pids-limit=5", "nobody"]), "does not exist");
    const { status, stderr } = attempt(box, ["--memory", "much", box.id]);
    expect({ status, stderr }).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('invalid value for memory: "much"'),
    });
    expect(limit(box, "pids", "pids.max")).toBe("50");
  });

  shows(
    "peers",
    "schemata are refused where no resctrl file system is mounted",
    () => {
      const box = created();

      expectRefusal(
        attempt(box, ["--l3-cache-schema", "L3:0=f", box.id]),
        "l3 cache schema is not enabled",
      );
      expectRefusal(
        attempt(box, ["--mem-bw-schema", "MB:0=20", box.id]),
        "memory bandwidth schema is not enabled",
      );
    },
    ["no resctrl"],
  );

  shows("peers", "limits of a stopped container cannot be changed", () => {
    const box = created();
    box.do("start");
    box.waitUntilStopped();

    expectRefusal(attempt(box, ["--pids-limit=5", box.id]), "container not running");
  });

  shows(
    "peers",
    "cgroup v2 kills to get below a limit, unless that is to be checked",
    () => {
      const box = container((config) => {
        processOf(config).args = ["/bin/sleep", "1000"];
      });
      box.addBusybox();
      box.do("create");
      box.do("start");
      const memoryOf = (limits: object) =>
        JSON.stringify({ memory: { ...limits, checkBeforeUpdate: true } });

      expectRefusal(
        attempt(box, ["-r", "-", box.id], memoryOf({ limit: 1024 })),
        "rejecting memory limit",
      );
      expectRefusal(
        attempt(box, ["-r", "-", box.id], memoryOf({ limit: 1024, swap: 1024 })),
        "rejecting memory+swap limit",
      );
      expect(box.state().status).toBe("running");
    },
    ["static busybox", "cgroup v2 alone"],
  );
});
