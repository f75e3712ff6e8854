import { useBackground } from "../support/background";
import { processOf } from "../support/config";
import type { Container } from "../support/container";
import { launchTool, runtimePath } from "../support/environment";
import { controllerDir } from "../support/host";
import { callRuntime, expectRefusal } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";
import { waitFor } from "../support/wait";

const mebibyte = 1024 * 1024;

rootSuite("events", () => {
  const container = useContainers();
  const { start, startRuntime } = useBackground();

  function running(line: string, resources: Record<string, unknown> = {}): Container {
    const box = container((config) => {
      config.linux.resources = resources;
      processOf(config).args = ["/bin/sh", "-c", line];
    });
    box.addBusybox();
    box.do("create");
    box.do("start");
    return box;
  }

  const events = (box: Container, ...flags: readonly string[]) =>
    startRuntime(["--root", box.stateRoot, "events", ...flags, box.id]);

  shows(
    "peers",
    "the numbers are one line that names the container, and are the kernel's",
    () => {
      const box = running("while :; do :; done", {
        memory: { limit: 64 * mebibyte },
        pids: { limit: 20 },
      });

      const data = waitFor("a processor to have been used", () => {
        const { stdout, stderr } = box.do("events", ["--stats"]);
        expect(stderr).toBe("");
        expect(stdout.startsWith(`{"type":"stats","id":"${box.id}","data":{"cpu":`)).toBe(true);
        expect(stdout.split("\n")).toHaveLength(2);
        const found = JSON.parse(stdout).data;
        return found.cpu.usage.total > 0 && found.cpu.usage.user > 0 && found;
      });

      expect(data.pids).toEqual({ current: 1, limit: 20 });
      expect(data.memory.usage).toMatchObject({ limit: 64 * mebibyte, failcnt: 0 });
      expect(data.memory.usage.usage).toBeGreaterThan(0);
      expect(data.memory.raw.pgfault).toBeGreaterThan(0);
      expect(data.network_interfaces).toBeNull();
      if (controllerDir("cpu", box.cgroupPath).version === 1) {
        expect(data.cpu.usage.percpu.length).toBeGreaterThan(0);
        expect(data.cpuset.cpus.length).toBeGreaterThan(0);
      } else {
        expect(data.cpu.psi.some.total).toBeGreaterThanOrEqual(0);
      }
    },
    ["static busybox"],
  );

  shows(
    "peers",
    "numbers come at each interval, until the container is gone",
    async () => {
      const box = running("exec sleep 100");
      const watcher = events(box, "--interval", "50ms");

      await watcher.until("three lines", (text) => text.split("\n").length > 3);
      box.do("delete", ["--force"]);

      expect(await watcher.end()).toEqual({ status: 0, signal: null });
      const lines = watcher.stdout.trimEnd().split("\n");
      expect(lines.every((line) => JSON.parse(line).type === "stats")).toBe(true);
      expect(watcher.stderr).toBe("");
    },
    ["static busybox"],
  );

  shows(
    "peers",
    "a container that is out of memory has an event of its own",
    async () => {
      // A child of the program is killed, and the program goes on.
      const line = "/bin/busybox dd if=/dev/zero of=/dev/null bs=64M count=1; exec sleep 100";
      const limit = 16 * mebibyte;
      const box = container((config) => {
        config.linux.resources = { memory: { limit, swap: limit } };
        processOf(config).args = ["/bin/sh", "-c", line];
      });
      box.addBusybox();
      box.do("create");
      const watcher = events(box, "--interval=50ms");
      await watcher.until("the first numbers", (text) => text.includes("stats"));

      box.do("start");

      const event = `{"type":"oom","id":"${box.id}"}\n`;
      await watcher.until("the event", (text) => text.includes(event));
      box.do("delete", ["--force"]);
      expect(await watcher.end()).toEqual({ status: 0, signal: null });
    },
    ["static busybox"],
  );

  shows(
    "peers",
    "the event of a container that ends by it comes before the end",
    async () => {
      const limit = 16 * mebibyte;
      const box = container((config) => {
        config.linux.resources = { memory: { limit, swap: limit } };
        processOf(config).args = "/bin/busybox dd if=/dev/zero of=/dev/null bs=64M count=1".split(
          " ",
        );
      });
      box.addBusybox();
      box.do("create");
      const watcher = events(box, "--interval=50ms");
      await watcher.until("the first numbers", (text) => text.includes("stats"));

      box.do("start");

      expect(await watcher.end()).toEqual({ status: 0, signal: null });
      expect(watcher.stdout).toContain(`{"type":"oom","id":"${box.id}"}\n`);
    },
    ["static busybox"],
  );

  shows("peers", "a stopped container has no events, and an interval has a length", () => {
    const box = container();
    box.do("create");

    const zero = box.attempt("events", ["--interval", "0s"]);
    expect(zero.stderr).toContain("duration interval must be greater than 0");
    expect(box.attempt("events", ["--interval", "often"]).stderr).toContain("invalid value");
    box.do("start");
    box.waitUntilStopped();

    const refusal = `container with id ${box.id} is not running`;
    expectRefusal(box.attempt("events", ["--stats"]), refusal);
    expectRefusal(box.attempt("events"), refusal);
    expectRefusal(callRuntime(["--root", box.stateRoot, "events", "nobody"]), "does not exist");
  });

  shows("security", "a signal that its caller has blocked ends it all the same", async () => {
    const box = running("exec busybox sleep 1000");
    const args = ["--root", box.stateRoot, "events", "--interval", "100ms", box.id];
    const watch = start(launchTool, ["--block", "15", "--", runtimePath, ...args]);
    await watch.until("the first numbers", (text) => text.includes("stats"));

    watch.kill("SIGTERM");

    expect((await watch.end()).signal).toBe("SIGTERM");
  });
});
