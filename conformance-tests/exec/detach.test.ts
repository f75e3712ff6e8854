import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { until, useBackground } from "../support/background";
import { terminalTool } from "../support/environment";
import { isAlive, killIfAlive, namespaceOf, statusField } from "../support/host";
import { tried } from "../support/report";
import { expectExecRefusal } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

rootSuite("exec: what is told of the process, and how it ends", () => {
  const container = useContainers();
  const { start, startRuntime } = useBackground();

  const completeReport = (text: string) =>
    text.split("\n").find((line) => line.includes('"tries"'));

  shows("peers", "--detach returns while it runs, and its pid is in the pid file", () => {
    const box = container();
    const pid = box.runWaiting();
    const pidFile = join(box.dir, "exec.pid");

    box.exec(["/probe", "--quiet", "--wait"], ["--detach", "--pid-file", pidFile]);

    const text = readFileSync(pidFile, "utf8");
    expect(text).toMatch(/^\d+$/);
    expect(isAlive(Number(text))).toBe(true);
    expect(Number(text)).not.toBe(pid);
    expect(namespaceOf(Number(text), "pid")).toBe(namespaceOf(pid, "pid"));
    expect(readdirSync(box.dir)).not.toContain(".exec.pid");
  });

  shows("peers", "when --detach returns the program runs, and is nobody's child of ours", () => {
    const box = container();
    box.runWaiting();
    const pidFile = join(box.dir, "exec.pid");

    box.exec(["/probe", "--quiet", "--spin"], ["--detach", "--pid-file", pidFile]);

    const pid = Number(readFileSync(pidFile, "utf8"));
    expect(readlinkSync(`/proc/${pid}/exe`)).toBe("/probe");
    expect(statusField(pid, "PPid")).not.toBe(String(process.pid));
  });

  shows("peers", "a relative pid file counts from the caller's working directory", () => {
    const box = container();
    box.runWaiting();

    box.exec(["/probe", "--quiet"], ["--pid-file", "exec.pid"], { cwd: box.dir });

    expect(readFileSync(join(box.dir, "exec.pid"), "utf8")).toMatch(/^\d+$/);
  });

  shows("peers", "the pid file is there before the program runs", () => {
    const box = container();
    const shared = box.share("/shared");
    box.runWaiting();

    const outcome = box.exec(
      ["/probe", "--read", "/shared/exec.pid"],
      ["--pid-file", join(shared, "exec.pid")],
    );

    expect(tried(JSON.parse(outcome.stdout), "read", "/shared/exec.pid").content).toMatch(/^\d+$/);
  });

  shows("peers", "a pid file that cannot be written is a failure, and nothing runs", () => {
    const box = container();
    const shared = box.share("/shared");
    box.runWaiting();
    mkdirSync(join(box.dir, "pid/full"), { recursive: true });

    expectExecRefusal(
      box.attemptExec(["/probe", "--create", "/shared/ran"], ["--pid-file", join(box.dir, "pid")]),
      "pid",
    );
    expectExecRefusal(
      box.attemptExec(["/probe", "--create", "/shared/ran"], ["--pid-file", "/no/such/dir/pid"]),
      "/no/such/dir",
    );

    expect(readdirSync(shared)).toEqual([]);
    expect(readdirSync(box.dir)).not.toContain(".pid");
  });

  shows("peers", "--pidfd-socket gets a pidfd of it", async () => {
    const box = container();
    box.runWaiting();
    const socket = join(box.dir, "pidfd.sock");
    const receiver = start(terminalTool, ["receive", socket]);
    await until("the socket", () => existsSync(socket));

    box.exec(["/probe", "--quiet"], ["--pidfd-socket", socket]);

    const line = await receiver.until("the descriptor", (text) => /^(.*)\n/.exec(text)?.[1]);
    expect(JSON.parse(line)).toMatchObject({
      descriptor: true,
      isTerminal: false,
      target: expect.stringMatching(/pidfd/),
    });
  });

  shows("peers", "a process that a signal ends gives 128 and the signal's number", async () => {
    const box = container();
    box.runWaiting();
    const pidFile = join(box.dir, "exec.pid");
    const exec = startRuntime(box.execArgs(["/probe", "--spin"], ["--pid-file", pidFile]));
    await exec.until("the report", completeReport);

    killIfAlive(Number(readFileSync(pidFile, "utf8")));

    expect(await exec.end()).toMatchObject({ status: 137 });
    expect(box.state().status).toBe("running");
  });

  for (const [name, number] of [
    ["SIGTERM", 15],
    ["SIGINT", 2],
    ["SIGHUP", 1],
    ["SIGUSR1", 10],
  ] as const) {
    shows("peers", `exec passes ${name} on to the process`, async () => {
      const box = container();
      box.runWaiting();
      const exec = startRuntime(box.execArgs(["/probe", "--wait"]));
      await exec.until("the report", completeReport);

      exec.kill(name);

      expect(await exec.end()).toMatchObject({ status: 128 + number });
      expect(exec.stdout).toContain(`{"signal":${number}}`);
    });
  }

  shows("peers", "it ends with the container", async () => {
    const box = container();
    box.runWaiting();
    const exec = startRuntime(box.execArgs(["/probe", "--spin"]));
    await exec.until("the report", completeReport);

    box.kill("KILL");

    expect(await exec.end()).toMatchObject({ status: 137 });
    box.waitUntilStopped();
  });

  shows("peers", "exec does not wait for children that the process leaves", () => {
    const box = container();
    box.runWaiting();

    const outcome = box.attemptExec(["/probe", "--quiet", "--fork", "--exit", "3"], [], {
      timeoutMs: 10_000,
    });

    expect(outcome).toMatchObject({ status: 3, timedOut: false });
  });

  shows("ours", "--trace has the steps of both sides on one time line", () => {
    const box = container();
    box.runWaiting();
    const file = join(box.dir, "trace.json");

    box.exec(["/probe", "--quiet"], ["--trace", file]);

    expect(namesIn(file)).toEqual(
      expect.arrayContaining([
        ...["read the process", "plan", "clone init", "wait for the program"],
        ...["join container", "set capabilities", 'find the program "/probe"', `exec ${box.id}`],
      ]),
    );
  });
});

function namesIn(file: string): string[] {
  const trace = JSON.parse(readFileSync(file, "utf8"));
  const events = (Array.isArray(trace) ? trace : trace.traceEvents) as { name: string }[];
  return events.map(({ name }) => name);
}
