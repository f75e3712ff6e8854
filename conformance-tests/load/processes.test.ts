import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "../support/background";
import { processOf, withoutNamespace } from "../support/config";
import type { Container } from "../support/container";
import { callerEnvironment, runtimePath } from "../support/environment";
import { tellFigure } from "../support/figures.mjs";
import {
  cgroupDirs,
  controllerDir,
  freezeCgroup,
  isAlive,
  isCgroupFrozen,
  pidsIn,
  readProcFile,
} from "../support/host";
import { expectExecRefusal, expectRefusal } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";
import { waitFor } from "../support/wait";
import { callBeside, countHangs, faultOf } from "./calls";

rootSuite("containers that do as they like", () => {
  const container = useContainers();
  countHangs();
  afterEach(() => tellFigure("load", "containers that stand still, flood or lie", 1));

  const hasState = (pid: number, state: string) =>
    readProcFile(pid, "stat")
      ?.replace(/^.*\) /s, "")
      .startsWith(state) ?? false;

  function standStill(pid: number): void {
    process.kill(pid, "SIGSTOP");
    waitFor("it to stand still", () => hasState(pid, "T"));
  }

  const pidsOf = (box: Container) =>
    new Set(cgroupDirs(box.cgroupPath).flatMap((dir) => pidsIn(dir)));

  /** Runs a line of shell that can make processes, in no pid namespace whose end would end them. */
  function shell(
    line: string,
    resources: Record<string, unknown> = {},
    ownPids = false,
  ): Container {
    const box = container((config) => {
      if (!ownPids) withoutNamespace(config, "pid");
      config.linux.resources = resources;
      processOf(config).args = ["/bin/sh", "-c", line];
    });
    box.addBusybox();
    return box;
  }

  function expectGone(box: Container, pids: Iterable<number>): void {
    expect(faultOf(box.attempt("delete", ["--force"]))).toBeUndefined();
    waitFor("all to end", () => [...pids].every((pid) => !isAlive(pid)));
    expect(box.leftovers()).toEqual([]);
  }

  shows("runtime.md#start", "a start of an init that stands still goes on with it", async () => {
    const box = container();
    box.probe("--quiet", "--wait");
    box.do("create");
    const { pid } = box.state();
    standStill(pid);

    const started = callBeside(["--root", box.stateRoot, "start", box.id]);
    expect(box.state().status).toBe("created");
    process.kill(pid, "SIGCONT");

    expect(faultOf(await started)).toBeUndefined();
    expect(box.state().status).toBe("running");
  });

  shows(
    "runtime.md#start",
    "a start of an init that stands still ends when it is deleted",
    async () => {
      const box = container();
      box.do("create");
      const { pid } = box.state();
      standStill(pid);
      const started = callBeside(["--root", box.stateRoot, "start", box.id]);

      expectGone(box, [pid]);

      const outcome = await started;
      expect(faultOf(outcome)).toBeUndefined();
      expect(outcome.status).toBe(1);
    },
  );

  shows("runtime.md#kill", "a program that stands still is killed, and deleted", () => {
    const box = container();
    const pid = box.runWaiting();
    standStill(pid);

    expect(box.state().status).toBe("running");
    box.exec(["/probe", "--quiet"]);
    expect(box.kill("KILL").status).toBe(0);
    box.waitUntilStopped();
    expectGone(box, [pid]);
  });

  for (const [where, ownPids] of [
    ["in a pid namespace", true],
    ["in none", false],
  ] as const) {
    shows(
      "runtime.md#delete",
      `processes ${where} and in cgroups below, frozen ones too, end with the container`,
      async () => {
        const box = shell("while :; do sleep 600; done", {}, ownPids);
        box.do("run", ["--detach"]);
        const below = ["one", "one/two", "one/two/three"];
        const freezer = controllerDir("freezer", box.cgroupPath).dir;
        for (const path of below) {
          for (const dir of cgroupDirs(box.cgroupPath)) mkdirSync(join(dir, path));
          const before = pidsOf(box);
          box.do("exec", [
            "--detach",
            "--process",
            box.processFile({ args: ["/bin/sleep", "600"] }),
          ]);
          const [pid] = [...pidsOf(box)].filter((found) => !before.has(found));
          writeFileSync(join(freezer, path, "cgroup.procs"), String(pid));
        }
        const pids = [...pidsOf(box), ...below.flatMap((path) => pidsIn(join(freezer, path)))];
        expect(new Set(pids).size).toBeGreaterThanOrEqual(2 + below.length);
        freezeCgroup(join(box.cgroupPath, "one/two"));
        await until("it to be frozen", () => isCgroupFrozen(join(box.cgroupPath, "one/two")));

        expectGone(box, pids);
      },
      ["freezer", "cgroup v1"],
    );

    shows("runtime.md#delete", `a storm of forks ${where} ends with the container`, () => {
      // Each makes two that are deaf to all that can be ignored, and goes on for ever.
      const line =
        'trap "" TERM HUP INT; storm() { while :; do (storm) 2>/dev/null & (storm) 2>/dev/null & wait; done; }; storm 2>/dev/null';
      const box = shell(line, { pids: { limit: 100 } }, ownPids);
      box.do("run", ["--detach"]);
      waitFor("the storm", () => pidsOf(box).size > 20, 30_000);
      const pids = pidsOf(box);

      expectGone(box, pids);
    });
  }

  shows("ours", "where a container has no pid left exec says so, and the rest works", () => {
    const line = "for i in 1 2 3 4 5 6 7; do sleep 600 & done; wait";
    const box = shell(line, { pids: { limit: 8 } }, true);
    box.do("run", ["--detach"]);
    waitFor("all pids to be taken", () => pidsOf(box).size === 8);

    expectExecRefusal(box.attemptExec(["/probe"]), /EAGAIN|temporarily unavailable/);

    expect(box.state().status).toBe("running");
    expect(box.attempt("ps").status).toBe(0);
    expectGone(box, pidsOf(box));
  });

  shows(
    "config-linux.md#memory",
    "an init that memory ran out for is stopped, and said to be",
    () => {
      const limit = 16 * 1024 * 1024;
      const line = "exec /bin/busybox dd if=/dev/zero of=/dev/null bs=64M count=1";
      const box = shell(line, { memory: { limit, swap: limit } }, true);

      box.do("run", ["--detach"]);
      box.waitUntilStopped();

      expect(box.state()).toMatchObject({ status: "stopped", oomKilled: true });
      expectRefusal(box.kill("KILL"), "not running");
      expectGone(box, []);
    },
  );

  shows(
    "runtime.md#state",
    "a stranger that the kernel gave the pid of a dead init is safe",
    () => {
      const box = container();
      const call = `${runtimePath} --root ${box.stateRoot}`;
      // In a pid namespace of its own, whose next pid is ours to choose.
      const line = `
      ${call} create --bundle ${box.bundleDir} --pid-file ${box.dir}/pid ${box.id} >/dev/null 2>&1 || exit 21
      pid=$(cat ${box.dir}/pid)
      ${call} kill ${box.id} KILL || exit 22
      while [ "$(${call} list --quiet | wc -l)" = 1 ] && [ -e /proc/$pid ]; do wait; done
      try=0
      while [ "$stranger" != "$pid" ]; do
        try=$((try + 1))
        [ $try -lt 100 ] || exit 23
        echo $((pid - 1)) >/proc/sys/kernel/ns_last_pid
        /bin/sleep 600 & stranger=$!
      done
      ${call} state ${box.id} >${box.dir}/state.out
      ${call} kill ${box.id} KILL && exit 24
      ${call} delete --force ${box.id} || exit 25
      kill -0 $stranger || exit 26
      kill -KILL $stranger`;
      const apart = ["--pid", "--fork", "--kill-child", "--mount-proc", "bash", "-c", line];

      const { status, signal } = spawnSync("unshare", apart, {
        stdio: "ignore",
        env: callerEnvironment(),
        timeout: 20_000,
        killSignal: "SIGKILL",
      });

      expect({ status, signal }).toEqual({ status: 0, signal: null });
      expect(readFileSync(join(box.dir, "state.out"), "utf8")).toContain('"stopped"');
      expect(box.leftovers()).toEqual([]);
    },
  );

  shows(
    "runtime.md#state",
    "after a reboot what has the pid of an init is not the container",
    () => {
      const box = container();
      const pid = box.runWaiting();
      const file = join(box.stateRoot, box.id, "state.json");
      const record = readFileSync(file, "utf8");
      const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
      const rebooted = record.replace(bootId, "00000000-0000-4000-8000-000000000000");
      expect(rebooted).not.toBe(record);
      writeFileSync(file, rebooted);

      expect(box.state().status).toBe("stopped");
      expectRefusal(box.kill("KILL"), "not running");
      expect(box.attemptExec(["/probe"]).status).toBe(255);
      expect(isAlive(pid)).toBe(true);

      writeFileSync(file, record);
      expectGone(box, [pid]);
    },
  );
});
