import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { processOf } from "../support/config";
import type { Container } from "../support/container";
import { controllerDir, diskBelow } from "../support/host";
import { expectRefusal } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";
import { waitFor } from "../support/wait";

const mebibyte = 1024 * 1024;

/** What a file of the container's cgroup holds, by the file's name in v1 and in v2. */
function limitOf(controller: string, box: Container, v1: string, v2: string): string {
  const { version, dir } = controllerDir(controller, box.cgroupPath);
  return readFileSync(join(dir, version === 1 ? v1 : v2), "utf8").trim();
}

rootSuite("cgroups: limits", () => {
  const container = useContainers();

  /** A container that runs a line of shell with these resources. */
  function shell(line: string, resources: Record<string, unknown>): Container {
    const box = container((config) => {
      config.linux.resources = resources;
      processOf(config).args = ["/bin/sh", "-c", line];
    });
    box.addBusybox();
    return box;
  }

  shows(
    "config-linux.md#memory",
    "who takes more memory than its limit is killed, and state says so",
    () => {
      const limit = 16 * mebibyte;
      const box = shell("/bin/busybox dd if=/dev/zero of=/dev/null bs=64M count=1; echo $?", {
        memory: { limit, swap: limit },
      });

      box.do("create");
      expect(limitOf("memory", box, "memory.limit_in_bytes", "memory.max")).toBe(String(limit));
      box.do("start");
      box.waitUntilStopped();

      expect(box.output()).toBe("137\n");
      expect(box.state()).toMatchObject({ status: "stopped", oomKilled: true });
    },
  );

  shows(
    "config-linux.md#memory",
    "a container that kept within its limit is not said to have been killed",
    () => {
      const box = shell("true", { memory: { limit: 64 * mebibyte } });

      box.do("create");
      box.do("start");
      box.waitUntilStopped();

      expect(box.state()).not.toHaveProperty("oomKilled");
    },
  );

  shows(
    "ours",
    "a limit that not even init keeps within is named as the reason",
    () => {
      const box = shell("true", { memory: { limit: 4096, swap: 4096 } });

      expectRefusal(box.attempt("create"), "container init was OOM-killed (memory limit too low?)");

      expect(box.leftovers()).toEqual([]);
    },
    ["cgroup v1"],
  );

  shows("config-linux.md#cpu", "half a processor is what a busy loop gets", () => {
    const box = shell("while :; do :; done", { cpu: { quota: 50_000, period: 100_000 } });
    box.do("create");
    box.do("start");

    const { pid } = box.state();
    const usedMs = () => {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      const fields = stat.replace(/^.*\) /s, "").split(" ");
      return (Number(fields[11]) + Number(fields[12])) * 10;
    };
    const shareOfASecond = () => {
      const [begin, used] = [Date.now(), usedMs()];
      waitFor("a second", () => Date.now() - begin >= 1000);
      return (usedMs() - used) / (Date.now() - begin);
    };
    // It never gets more. When others are at work it may get less, so one good second of some is enough.
    waitFor(
      "a second with half a processor",
      () => {
        const share = shareOfASecond();
        expect(share).toBeLessThan(0.6);
        return share > 0.4;
      },
      15_000,
    );
    box.kill("KILL");
  });

  shows("config-linux.md#cpu", "shares, processors and memory nodes are the kernel's", () => {
    const box = shell("true", { cpu: { shares: 512, cpus: "0", mems: "0" } });

    box.do("create");

    expect(limitOf("cpu", box, "cpu.shares", "cpu.weight")).toBe(
      controllerDir("cpu", box.cgroupPath).version === 1 ? "512" : "59",
    );
    expect(limitOf("cpuset", box, "cpuset.cpus", "cpuset.cpus")).toBe("0");
    expect(limitOf("cpuset", box, "cpuset.mems", "cpuset.mems")).toBe("0");
  });

  shows(
    "config-linux.md#cpu",
    "the program runs on the processors that it may use",
    () => {
      const box = shell("/bin/busybox grep Cpus_allowed_list /proc/self/status", {
        cpu: { cpus: "1" },
      });

      expect(box.do("run").stdout).toBe("Cpus_allowed_list:\t1\n");
    },
    ["two processors"],
  );

  shows("config-linux.md#pids", "a fork beyond the limit fails", () => {
    const line = "i=0; while [ $i -lt 9 ]; do sleep 9 & i=$((i+1)); done; echo not reached";
    const box = shell(line, { pids: { limit: 4 } });

    const outcome = box.attempt("run");

    expect(outcome.stdout).not.toContain("not reached");
    expect(outcome.stderr).toMatch(/can't fork/);
  });

  shows(
    "config-linux.md#pids",
    "a limit of zero allows the program, and no process besides",
    () => {
      const box = shell("echo runs; sleep 0 & echo not reached", { pids: { limit: 0 } });

      const outcome = box.attempt("run");

      expect(outcome.stdout).toBe("runs\n");
      expect(outcome.stderr).toMatch(/can't fork/);
    },
  );

  shows(
    "config-linux.md#block-io",
    "reading from a disk keeps to its rate",
    () => {
      const box = shell(
        "/bin/busybox dd if=/big of=/dev/null bs=64k count=16 iflag=direct 2>/dev/null; echo read",
        {},
      );
      const file = join(box.rootfsDir, "big");
      writeFileSync(file, Buffer.alloc(mebibyte));
      execFileSync("sync", [file]);
      box.config.linux.resources = {
        blockIO: { throttleReadBpsDevice: [{ ...diskBelow(box.rootfsDir), rate: mebibyte }] },
      };
      box.writeConfig();

      const begin = Date.now();
      const { stdout } = box.do("run");

      expect(stdout).toBe("read\n");
      // The second that a MiB takes, less the burst that the kernel grants.
      expect(Date.now() - begin).toBeGreaterThan(700);
    },
    ["a disk below the tests"],
  );

  shows(
    "config-linux.md#block-io",
    "a rate for a device is the kernel's",
    () => {
      const box = shell("true", {});
      const disk = diskBelow(box.rootfsDir);
      box.config.linux.resources = {
        blockIO: { throttleWriteIOPSDevice: [{ ...disk, rate: 77 }] },
      };
      box.writeConfig();

      box.do("create");

      const device = `${disk?.major}:${disk?.minor}`;
      expect(limitOf("blkio", box, "blkio.throttle.write_iops_device", "io.max")).toBe(
        controllerDir("blkio", box.cgroupPath).version === 1
          ? `${device} 77`
          : `${device} rbps=max wbps=max riops=max wiops=77`,
      );
    },
    ["a disk below the tests"],
  );

  shows(
    "config-linux.md#unified",
    "files of cgroup v2 are refused on v1",
    () => {
      const box = shell("true", { unified: { "memory.high": "max" } });

      expectRefusal(box.attempt("create"), "/linux/resources/unified/memory.high", "cgroup v1");

      expect(box.leftovers()).toEqual([]);
    },
    ["cgroup v1"],
  );

  shows("ours", "a limit that the kernel refuses leaves nothing behind", () => {
    const box = shell("true", { cpu: { cpus: "4096" } });

    expectRefusal(box.attempt("create"), "/linux/resources/cpu/cpus", "cpuset.cpus", "4096");

    expect(box.leftovers()).toEqual([]);
  });

  shows("ours", "a limit of a controller that is not there is refused", () => {
    const box = shell("true", { rdma: { mlx5_1: { hcaHandles: 1 } } });

    expectRefusal(box.attempt("create"), "/linux/resources/rdma/mlx5_1", "rdma");

    expect(box.leftovers()).toEqual([]);
  });
});
