import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Background, until, useBackground } from "../support/background";
import { processOf, withUserNamespace } from "../support/config";
import { type Container, parseReport } from "../support/container";
import { terminalTool } from "../support/environment";
import { type Report, tried } from "../support/report";
import { expectRefusal } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

interface Received {
  text: string;
  target: string;
  isTerminal: boolean;
  descriptor: boolean;
}

rootSuite("terminal: --console-socket", () => {
  const container = useContainers();
  const { start } = useBackground();

  /** Someone who listens at a socket, as an engine does. */
  async function listen(box: Container): Promise<{ receiver: Background; socket: string }> {
    const socket = join(box.dir, "console.sock");
    const receiver = start(terminalTool, ["receive", socket]);
    await until("the socket", () => existsSync(socket));
    return { receiver, socket };
  }

  async function received(receiver: Background): Promise<Received> {
    const line = await receiver.until(
      "the descriptor",
      (text) => text.includes("\n") && text.split("\n")[0],
    );
    return JSON.parse(line) as Received;
  }

  async function reportOf(receiver: Background): Promise<Report> {
    const line = await receiver.until("the report", (text) =>
      text
        .split("\n")
        .find(
          (candidate) =>
            candidate.endsWith("}\r") || (candidate.endsWith("}") && candidate.includes('"tries"')),
        ),
    );
    return parseReport(line);
  }

  function withTerminal(box: Container): void {
    processOf(box.config).terminal = true;
    box.writeConfig();
  }

  shows("config.md#process", "the socket gets the master of the container's terminal", async () => {
    const box = container();
    withTerminal(box);
    const { receiver, socket } = await listen(box);

    box.do("create", ["--console-socket", socket]);
    expect(await received(receiver)).toMatchObject({
      isTerminal: true,
      text: expect.stringMatching(/./),
    });
    box.do("start");
    const seen = await reportOf(receiver);

    expect(seen.terminals).toMatchObject([
      { isTerminal: true },
      { isTerminal: true },
      { isTerminal: true },
    ]);
    expect(seen.terminals[0]?.path).toMatch(/^\/dev\/(pts\/\d+|console)$/);
    expect(seen.controllingTerminal).toBe("");
    expect(seen.fds.map(({ fd }) => fd)).toEqual([0, 1, 2]);
    expect(seen.session).toBe(1);
  });

  shows("config-linux.md#default-devices", "/dev/console is the container's terminal", async () => {
    const box = container();
    box.probe(
      "--stat",
      "/dev/console",
      "--open",
      "/dev/console",
      "--stat",
      "/dev/pts/0",
      "--list",
      "/dev/pts",
    );
    withTerminal(box);
    const { receiver, socket } = await listen(box);

    box.do("run", ["--detach", "--console-socket", socket]);
    const seen = await reportOf(receiver);

    expect(tried(seen, "stat", "/dev/console")).toMatchObject({
      type: "character",
      rdev: tried(seen, "stat", "/dev/pts/0").rdev,
    });
    expect(tried(seen, "open", "/dev/console").error).toBe("");
    expect(tried(seen, "list", "/dev/pts").entries?.sort()).toEqual(["0", "ptmx"]);
  });

  shows("config.md#process", "the terminal belongs to the program's user", async () => {
    const box = container();
    processOf(box.config).user = { uid: 1000, gid: 1000 };
    box.probe("--stat", "/dev/pts/0");
    withTerminal(box);
    const { receiver, socket } = await listen(box);

    box.do("run", ["--detach", "--console-socket", socket]);

    expect(tried(await reportOf(receiver), "stat", "/dev/pts/0")).toMatchObject({
      uid: 1000,
      gid: 5,
      mode: 0o620,
    });
  });

  shows("config.md#process", "consoleSize is the terminal's first size", async () => {
    const box = container();
    processOf(box.config).consoleSize = { height: 33, width: 99 };
    withTerminal(box);
    const { receiver, socket } = await listen(box);

    box.do("run", ["--detach", "--console-socket", socket]);

    expect((await reportOf(receiver)).terminals[0]).toMatchObject({ rows: 33, columns: 99 });
  });

  shows("config.md#process", "what is typed reaches the program", async () => {
    const box = container();
    box.probe("--stdin");
    withTerminal(box);
    const { receiver, socket } = await listen(box);
    box.do("run", ["--detach", "--console-socket", socket]);
    await received(receiver);

    receiver.write("typed\n\u0004");

    expect((await reportOf(receiver)).stdin).toBe("typed\n");
  });

  shows("config.md#process", "control-C at the terminal interrupts the program", async () => {
    const box = container();
    box.probe("--wait");
    withTerminal(box);
    const { receiver, socket } = await listen(box);
    box.do("run", ["--detach", "--console-socket", socket]);
    await reportOf(receiver);

    receiver.write("\u0003");

    await receiver.until("the signal", (text) => text.includes('{"signal":2}'));
  });

  shows("config.md#process", "closing the terminal hangs the program up", async () => {
    const box = container();
    box.probe("--wait");
    withTerminal(box);
    const { receiver, socket } = await listen(box);
    box.do("run", ["--detach", "--console-socket", socket]);
    await reportOf(receiver);

    receiver.kill("SIGKILL");

    box.waitUntilStopped();
  });

  shows("config.md#process", "a terminal works in a user namespace", async () => {
    const box = container((config) => withUserNamespace(config));
    box.probe("--stat", "/dev/console", "--open", "/dev/console");
    withTerminal(box);
    const { receiver, socket } = await listen(box);

    box.do("run", ["--detach", "--console-socket", socket]);
    const seen = await reportOf(receiver);

    expect(seen.terminals[0]?.isTerminal).toBe(true);
    expect(tried(seen, "open", "/dev/console").error).toBe("");
  });

  shows("peers", "a socket that nobody listens at is refused", () => {
    const box = container();
    withTerminal(box);

    expectRefusal(
      box.attempt("create", ["--console-socket", join(box.dir, "nobody.sock")]),
      "nobody.sock",
    );

    expect(box.leftovers()).toEqual([]);
  });

  shows("peers", "a terminal without a socket is refused when the runtime does not stay", () => {
    for (const args of [["create"], ["run", "--detach"]]) {
      const box = container();
      withTerminal(box);
      const [command = "", ...flags] = args;

      expectRefusal(
        box.attempt(command, flags),
        "cannot allocate tty if",
        "will detach without setting console socket",
      );

      expect(box.leftovers()).toEqual([]);
    }
  });

  shows("peers", "a socket without a terminal is refused", async () => {
    const box = container();
    const { socket } = await listen(box);

    expectRefusal(
      box.attempt("create", ["--console-socket", socket]),
      "cannot use console socket if",
    );

    expect(box.leftovers()).toEqual([]);
  });

  shows("config.md#process", "consoleSize is ignored without a terminal", () => {
    const box = container((config) => {
      processOf(config).consoleSize = { height: 1, width: 2 };
    });

    expect(box.see().terminals[0]?.isTerminal).toBe(false);
  });

  for (const way of ["--pidfd-socket", "the annotation run.oci.pidfd_receiver"]) {
    shows("peers", `${way} gets a pidfd of init`, async () => {
      const box = container();
      const { receiver, socket } = await listen(box);
      const isFlag = way.startsWith("--");
      if (!isFlag) box.config.annotations = { "run.oci.pidfd_receiver": socket };
      box.probe("--wait");

      box.do("create", isFlag ? [way, socket] : []);

      expect(await received(receiver)).toMatchObject({
        descriptor: true,
        isTerminal: false,
        target: expect.stringMatching(/pidfd/),
      });
      expect(statSync(`/proc/${box.state().pid}`).isDirectory()).toBe(true);
    });
  }
});
