import { useBackground } from "../support/background";
import { processOf } from "../support/config";
import { type Container, parseReport } from "../support/container";
import { launchTool, runtimePath, terminalTool } from "../support/environment";
import { callRuntime } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

/** What the terminal tool says on standard error when the program has ended. */
interface Ending {
  status: number;
  signal: number;
  modesRestored: boolean;
  nonBlocking: boolean;
}

rootSuite("terminal: run in the foreground", () => {
  const container = useContainers();
  const { start, startRuntime } = useBackground();

  /** `run`, called from a terminal of 30 rows and 70 columns. */
  function runAtTerminal(box: Container, terminal = true) {
    processOf(box.config).terminal = terminal;
    box.writeConfig();
    return start(terminalTool, [
      "run",
      "30",
      "70",
      runtimePath,
      "--root",
      box.stateRoot,
      "run",
      "--bundle",
      box.bundleDir,
      box.id,
    ]);
  }

  const completeReport = (text: string) =>
    text.split("\n").find((line) => line.includes('"tries"') && line.includes("]}"));

  shows(
    "config.md#process",
    "the program has a terminal of its own, of the caller's size",
    async () => {
      const box = container();
      const session = runAtTerminal(box);

      const seen = parseReport(await session.until("the report", completeReport));
      await session.end();

      expect(seen.terminals[0]).toMatchObject({ isTerminal: true, rows: 30, columns: 70 });
      expect(seen.controllingTerminal).toBe("");
      expect(seen.terminals[0]?.path).toMatch(/^\/dev\/(pts\/0|console)$/);
    },
  );

  shows("config.md#process", "consoleSize wins over the caller's size", async () => {
    const box = container();
    processOf(box.config).consoleSize = { height: 11, width: 22 };
    const session = runAtTerminal(box);

    const seen = parseReport(await session.until("the report", completeReport));

    expect([
      [11, 22],
      [30, 70],
    ]).toContainEqual([seen.terminals[0]?.rows, seen.terminals[0]?.columns]);
  });

  shows("peers", "the caller's terminal is as before when the program has ended", async () => {
    const box = container();
    const session = runAtTerminal(box);

    await session.end();

    const ending = JSON.parse(session.stderr.trim().split("\n").at(-1) ?? "") as Ending;
    expect(ending).toEqual({ status: 0, signal: 0, modesRestored: true, nonBlocking: false });
  });

  shows("peers", "what is typed reaches the program, control characters too", async () => {
    const box = container();
    box.probe("--wait");
    const session = runAtTerminal(box);
    await session.until("the report", completeReport);

    session.write("\u0003");

    await session.until("the signal", (text) => text.includes('{"signal":2}'));
    expect(await session.end()).toMatchObject({ status: 130 });
  });

  shows(
    "peers",
    "a change of the caller's terminal's size reaches the container's",
    async () => {
      const box = container();
      box.addBusybox();
      processOf(box.config).args = [
        "/bin/sh",
        "-c",
        "trap 'busybox stty size; exit' WINCH; echo ready; while :; do busybox usleep 10000; done",
      ];
      const session = runAtTerminal(box);
      await session.until("ready", (text) => text.includes("ready"));

      session.kill("SIGUSR1");

      await session.until("the new size", (text) => text.includes("40 80"));
      await session.end();
    },
    ["static busybox"],
  );

  shows("peers", "the exit status of run is that of the program", () => {
    const box = container();
    for (const status of [0, 1, 42, 255]) {
      box.probe("--quiet", "--exit", String(status));
      expect(box.attempt("run").status).toBe(status);
      expect(box.leftovers()).toEqual([]);
    }
  });

  shows("peers", "a program that a signal ends gives 128 and the signal's number", async () => {
    const box = container();
    box.probe("--spin");
    const run = startRuntime(["--root", box.stateRoot, "run", "--bundle", box.bundleDir, box.id]);
    await run.until("the report", completeReport);

    box.kill("KILL");

    expect(await run.end()).toMatchObject({ status: 137 });
  });

  for (const [name, number] of [
    ["SIGTERM", 15],
    ["SIGINT", 2],
    ["SIGHUP", 1],
    ["SIGUSR1", 10],
    ["SIGUSR2", 12],
  ] as const) {
    shows("peers", `run passes ${name} on to the program`, async () => {
      const box = container();
      box.probe("--wait");
      const run = startRuntime(["--root", box.stateRoot, "run", "--bundle", box.bundleDir, box.id]);
      await run.until("the report", completeReport);

      run.kill(name);

      expect(await run.end()).toMatchObject({ status: 128 + number });
      expect(run.stdout).toContain(`{"signal":${number}}`);
      expect(box.leftovers()).toEqual([]);
    });
  }

  shows("security", "run passes on a signal that its caller has blocked, too", async () => {
    const box = container();
    box.probe("--wait");
    const args = ["--root", box.stateRoot, "run", "--bundle", box.bundleDir, box.id];
    const run = start(launchTool, ["--block", "15", "--", runtimePath, ...args]);
    await run.until("the report", completeReport);

    run.kill("SIGTERM");

    expect(await run.end()).toMatchObject({ status: 128 + 15 });
    expect(run.stdout).toContain('{"signal":15}');
  });

  shows("peers", "run deletes the container, and with --keep it does not", () => {
    const box = container();

    box.do("run");
    expect(box.leftovers()).toEqual([]);
    box.do("run", ["--keep"]);

    expect(box.state()).toMatchObject({ status: "stopped", pid: 0 });
    box.do("delete");
    expect(box.leftovers()).toEqual([]);
  });

  shows("peers", "run --detach returns while the program runs", () => {
    const box = container();
    box.probe("--wait");

    box.do("run", ["--detach"]);

    expect(box.state().status).toBe("running");
    expect(box.report().pid).toBe(1);
  });

  shows("peers", "run does not wait for children that the program leaves to it", async () => {
    const box = container((config) => {
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "pid");
    });
    box.probe("--quiet", "--fork", "--exit", "3");

    expect(
      callRuntime(["--root", box.stateRoot, "run", "--bundle", box.bundleDir, box.id], {
        timeoutMs: 10_000,
      }),
    ).toMatchObject({ status: 3, timedOut: false });

    expect(box.leftovers()).toEqual([]);
  });

  shows("peers", "without a terminal the program has the caller's own", async () => {
    const box = container();
    const session = runAtTerminal(box, false);

    const seen = parseReport(await session.until("the report", completeReport));
    await session.end();

    expect(seen.terminals[0]).toMatchObject({ isTerminal: true, rows: 30, columns: 70 });
  });
});
