import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { withoutNamespace } from "../support/config";
import { type Container, parseReport } from "../support/container";
import { callerEnvironment, runtimePath } from "../support/environment";
import { allPids, cgroupDirs, isAlive, pidsIn, readProcFile } from "../support/host";
import { callRuntime } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";
import { waitFor } from "../support/wait";

interface Running {
  readonly pid: number;
  readonly ended: Promise<number>;
  readonly kill: () => void;
}

/** `exec` without a pipe of ours that its process could keep. */
function startExec(
  box: Container,
  command: readonly string[],
  flags: readonly string[] = [],
): Running {
  const child = spawn(runtimePath, box.execArgs(command, flags), {
    stdio: "ignore",
    env: callerEnvironment(),
  });
  const ended = new Promise<number>((resolve) =>
    child.on("close", (status, signal) => resolve(signal === null ? (status ?? -1) : -1)),
  );
  return { pid: child.pid ?? 0, ended, kill: () => child.kill("SIGKILL") };
}

const pidsOf = (box: Container) =>
  new Set(cgroupDirs(box.cgroupPath).flatMap((dir) => pidsIn(dir)));

rootSuite("exec: races and faults", () => {
  const container = useContainers();

  shows("peers", "twenty at once all run, each with its own status", async () => {
    const box = container();
    const shared = box.share("/shared");
    box.runWaiting();

    const running = Array.from({ length: 20 }, (_, index) =>
      startExec(box, ["/probe", ...["--out", `/shared/${index}`, "--exit", String(index)]]),
    );
    const ends = await Promise.all(running.map(({ ended }) => ended));

    expect(ends).toEqual(Array.from({ length: 20 }, (_, index) => index));
    expect(readdirSync(shared)).toHaveLength(20);
    expect(box.state().status).toBe("running");
  });

  for (const [where, edit] of [
    ["with a pid namespace", () => {}],
    [
      "without one",
      (config: Parameters<typeof withoutNamespace>[0]) => withoutNamespace(config, "pid"),
    ],
  ] as const) {
    shows(
      "runtime.md#lifecycle",
      `a container ${where} that is deleted by force meanwhile takes all of them with it`,
      async () => {
        for (let round = 0; round < 4; round += 1) {
          const box = container((config) => edit(config));
          box.runWaiting();
          const running = Array.from({ length: 5 }, () =>
            startExec(box, ["/probe", "--quiet", "--spin"]),
          );
          // Not all at the same point of theirs.
          waitFor("the first processes", () => pidsOf(box).size > round);

          const deleted = callRuntime(["--root", box.stateRoot, "delete", "--force", box.id]);
          const ends = await Promise.all(running.map(({ ended }) => ended));

          expect({ status: deleted.status, stderr: deleted.stderr }).toEqual({
            status: 0,
            stderr: "",
          });
          for (const end of ends) expect([137, 255]).toContain(end);
          expect(box.leftovers()).toEqual([]);
        }
      },
    );
  }

  shows("ours", "an exec that is killed before its program leaves nothing", async () => {
    const box = container();
    const pid = box.runWaiting();
    let program = 0;

    // Each is killed as soon as one thing more can be seen of it.
    for (const seen of [
      () => true,
      (exec: Running) => readProcFile(exec.pid, "comm") !== undefined,
      (exec: Running) => childrenOf(exec.pid).length > 0,
      () => pidsOf(box).size > 1,
      () => [...pidsOf(box)].some((other) => commOf(other) === "tsoci:[init]"),
      () => [...pidsOf(box)].some((other) => other !== pid && commOf(other) === "probe"),
    ]) {
      for (let round = 0; round < 3; round += 1) {
        const exec = startExec(box, ["/probe", "--quiet", "--exit", "3"]);
        waitFor("it", () => seen(exec) || !isAlive(exec.pid));
        exec.kill();
        const end = await exec.ended;
        if (end === 3) program += 1;
        waitFor("its process to end", () => pidsOf(box).size === 1);
      }
    }

    expect([...pidsOf(box)]).toEqual([pid]);
    expect(program).toBeLessThan(18);
    expect(box.state().status).toBe("running");
    expect(parseReport(box.exec(["/probe"]).stdout).args).toEqual(["/probe"]);
  });

  shows("peers", "an exec that is killed later leaves its process to run on", async () => {
    const box = container();
    const shared = box.share("/shared");
    box.runWaiting();
    const exec = startExec(box, ["/probe", "--out", "/shared/report", "--spin"]);
    waitFor("the report", () => existsSync(join(shared, "report")));

    exec.kill();
    await exec.ended;

    expect(pidsOf(box).size).toBe(2);
  });

  shows(
    "ours",
    "a container whose init dies meanwhile makes it fail, and nothing hangs",
    async () => {
      for (let round = 0; round < 5; round += 1) {
        const box = container();
        box.runWaiting();
        const running = Array.from({ length: 4 }, () =>
          startExec(box, ["/probe", "--quiet", "--spin"]),
        );
        waitFor("the first process", () => pidsOf(box).size > 1);

        box.kill("KILL");

        for (const end of await Promise.all(running.map(({ ended }) => ended)))
          expect([137, 255]).toContain(end);
        box.waitUntilStopped();
      }
    },
  );
});

const commOf = (pid: number) => readProcFile(pid, "comm")?.trim();

const childrenOf = (pid: number) =>
  allPids().filter(
    (other) =>
      readProcFile(other, "stat")
        ?.replace(/^.*\) . /s, "")
        .split(" ")[0] === String(pid),
  );
