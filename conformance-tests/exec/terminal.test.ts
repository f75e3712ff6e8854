import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Background, until, useBackground } from "../support/background";
import { processOf, withUserNamespace } from "../support/config";
import { type Container, parseReport } from "../support/container";
import { runtimePath, terminalTool } from "../support/environment";
import { type Report, tried } from "../support/report";
import { expectExecRefusal } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

const completeReport = (text: string) =>
  text.split("\n").find((line) => line.includes('"tries"') && /\]\}\r?$/.test(line));

rootSuite("exec: terminals", () => {
  const container = useContainers();
  const { start } = useBackground();

  /** `exec`, called from a terminal of 30 rows and 70 columns. */
  const execAtTerminal = (box: Container, command: readonly string[], flags: readonly string[]) =>
    start(terminalTool, ["run", "30", "70", runtimePath, ...box.execArgs(command, flags)]);

  async function listen(box: Container): Promise<{ receiver: Background; socket: string }> {
    const socket = join(box.dir, "console.sock");
    const receiver = start(terminalTool, ["receive", socket]);
    await until("the socket", () => existsSync(socket));
    return { receiver, socket };
  }

  const reportOf = async (from: Background): Promise<Report> =>
    parseReport(await from.until("the report", completeReport));

  shows("peers", "--tty gives it a terminal of its own, of the caller's size", async () => {
    const box = container();
    box.runWaiting();

    const session = execAtTerminal(box, ["/probe", "--list", "/dev/pts"], ["--tty"]);
    const seen = await reportOf(session);
    await session.end();

    expect(seen.terminals).toMatchObject(
      Array.from({ length: 3 }, () => ({ isTerminal: true, path: "/dev/pts/0", rows: 30 })),
    );
    expect(seen.terminals[0]).toMatchObject({ rows: 30, columns: 70 });
    expect(seen.controllingTerminal).toBe("");
    expect(seen.fds.map(({ fd }) => fd)).toEqual([0, 1, 2]);
    expect(tried(seen, "list", "/dev/pts").entries?.sort()).toEqual(["0", "ptmx"]);
    const [ending] = session.stderr.trim().split("\n").slice(-1);
    expect(JSON.parse(ending ?? "")).toEqual({
      status: 0,
      signal: 0,
      modesRestored: true,
      nonBlocking: false,
    });
  });

  shows("peers", "its newlines are not mapped, so that what is copied is what it wrote", () => {
    const box = container();
    box.runWaiting();

    const outcome = box.exec(["/probe"], ["--tty"]);

    expect(outcome.stdout).not.toContain("\r");
    expect(parseReport(outcome.stdout).terminals[0]).toMatchObject({
      isTerminal: true,
      mapsNewlines: false,
    });
  });

  shows("peers", "what is typed reaches it, control characters too", async () => {
    const box = container();
    box.runWaiting();
    const session = execAtTerminal(box, ["/probe", "--wait"], ["-t"]);
    await session.until("the report", completeReport);

    session.write("\u0003");

    await session.until("the signal", (text) => text.includes('{"signal":2}'));
    expect(await session.end()).toMatchObject({ status: 130 });
    expect(box.state().status).toBe("running");
  });

  shows("peers", "the terminal belongs to its user", () => {
    const box = container();
    box.runWaiting();

    const { stdout } = box.exec(["/probe", "--stat", "/dev/pts/0"], ["--tty", "--user", "1000"]);

    expect(tried(parseReport(stdout), "stat", "/dev/pts/0")).toMatchObject({ uid: 1000, gid: 5 });
  });

  shows(
    "peers",
    "without --tty it has none, whatever the container's first process has",
    async () => {
      const box = container((config) => {
        processOf(config).terminal = true;
        processOf(config).consoleSize = { height: 1, width: 1 };
      });
      box.probe("--quiet", "--wait");
      const { socket } = await listen(box);
      box.do("run", ["--detach", "--console-socket", socket]);

      expect(box.seeExec().terminals[0]?.isTerminal).toBe(false);
      // And its own leaves the first one's as it is: /dev/console is that.
      const { stdout } = box.exec(
        ["/probe", "--stat", "/dev/console", "--stat", "/dev/pts/0", "--stat", "/dev/pts/1"],
        ["--tty"],
      );
      const seen = parseReport(stdout);
      expect(tried(seen, "stat", "/dev/console").rdev).toBe(tried(seen, "stat", "/dev/pts/0").rdev);
      expect(seen.terminals[0]?.path).toBe("/dev/pts/1");
    },
  );

  shows("peers", "detached, the console socket gets the master", async () => {
    const box = container();
    box.runWaiting();
    const { receiver, socket } = await listen(box);

    box.exec(["/probe", "--wait"], ["--detach", "--tty", "--console-socket", socket]);
    const received = await receiver.until("the descriptor", (text) => /^(.*)\n/.exec(text)?.[1]);
    const seen = await reportOf(receiver);

    expect(JSON.parse(received)).toMatchObject({ isTerminal: true, descriptor: true });
    expect(seen.terminals[0]).toMatchObject({ isTerminal: true });
    receiver.write("\u0003");
    await receiver.until("the signal", (text) => text.includes('{"signal":2}'));
  });

  shows("config.md#process", "consoleSize of the file is the terminal's size", async () => {
    const box = container();
    box.runWaiting();
    const { receiver, socket } = await listen(box);
    const file = box.processFile({ terminal: true, consoleSize: { height: 10, width: 110 } });

    box.exec([], ["-d", "--process", file, "--console-socket", socket]);

    expect((await reportOf(receiver)).terminals[0]).toMatchObject({ rows: 10, columns: 110 });
  });

  shows(
    "peers",
    "--tty works in a user namespace",
    async () => {
      const box = container((config) => withUserNamespace(config));
      box.runWaiting();

      const { stdout } = box.exec(["/probe"], ["--tty", "--user", "1000"]);

      expect(parseReport(stdout).terminals[0]).toMatchObject({ isTerminal: true });
    },
    ["user namespaces"],
  );

  shows("peers", "a terminal and a socket that do not fit are refused", () => {
    const box = container();
    box.runWaiting();
    const socket = join(box.dir, "nobody.sock");

    expectExecRefusal(box.attemptExec(["/probe"], ["--tty", "--detach"]), "cannot allocate tty if");
    for (const flags of [["--detach"], ["--tty"], []])
      expectExecRefusal(
        box.attemptExec(["/probe"], [...flags, "--console-socket", socket]),
        "cannot use console socket if",
      );
    expectExecRefusal(
      box.attemptExec(["/probe"], ["-d", "-t", "--console-socket", socket]),
      "nobody.sock",
    );
  });
});
