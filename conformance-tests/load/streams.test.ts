import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { until, useBackground } from "../support/background";
import { processOf } from "../support/config";
import type { Container } from "../support/container";
import { launchTool, runtimePath, terminalTool } from "../support/environment";
import { tellFigure } from "../support/figures.mjs";
import { allPids, isAlive, killIfAlive, readProcFile } from "../support/host";
import { callRuntime } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";
import { countHangs, faultOf, hangOf } from "./calls";

rootSuite("streams that do not go on", () => {
  const container = useContainers();
  const { start } = useBackground();
  countHangs();

  function waiting(): Container {
    const box = container();
    box.probe("--quiet", "--wait");
    return box;
  }

  function fifoOf(box: Container): string {
    const path = join(box.dir, "fifo");
    spawnSync("mkfifo", [path]);
    tellFigure("load", "streams that nobody reads, writes or holds", 1);
    return path;
  }

  /** A line of shell that ends in the runtime. */
  const shell = (line: string) => ["sh", "-c", `${line}; exec "$@"`, "sh"];

  /** The life of a container, each call like that. */
  function expectLife(box: Container, through: readonly string[]): void {
    for (const command of ["create", "start"]) {
      const outcome = box.attempt(command, [], { through });
      expect([command, faultOf(outcome)]).toEqual([command, undefined]);
      expect(outcome.status).toBe(0);
    }
    expect(box.attemptExec(["/probe", "--quiet", "--exit", "7"], [], { through }).status).toBe(7);
    expect(box.attempt("delete", ["--force"], { through }).status).toBe(0);
    expect(box.leftovers()).toEqual([]);
  }

  shows("ours", "a standard input that never ends holds nothing up", () => {
    const box = waiting();
    const through = shell(`exec <>${fifoOf(box)}`);
    expectLife(box, through);

    box.probe("--quiet", "--exit", "5");
    const outcome = box.attempt("run", [], { through });

    expect({ status: outcome.status, timedOut: outcome.timedOut }).toEqual({
      status: 5,
      timedOut: false,
    });
  });

  shows("ours", "a standard output that is full and not read holds up no quiet command", () => {
    const box = waiting();
    const fill = "dd if=/dev/zero bs=4096 count=64 oflag=nonblock 2>/dev/null";
    expectLife(box, shell(`exec 3<>${fifoOf(box)}; ${fill} >&3; exec >&3 3<&-`));
  });

  shows("ours", "closed standard streams hinder no command", () => {
    const all = ["0", "1", "2"].flatMap((fd) => ["--close", fd]);
    for (const closed of [all, ["--close", "0"], ["--close", "1"], ["--close", "2"]]) {
      expectLife(waiting(), [launchTool, ...closed, "--"]);
      tellFigure("load", "streams that nobody reads, writes or holds", 1);
    }
  });

  shows("ours", "output that nobody reads any more makes a command fail, not hang", () => {
    const box = waiting();
    box.do("create");
    const fifo = fifoOf(box);
    const broken = `exec 3<>${fifo} 4>${fifo} 3<&-; exec >&4 4<&-`;

    // The signal may end it as well, which is then what it would say.
    for (const line of [broken, `trap "" PIPE; ${broken}`]) {
      for (const command of ["state", "ps"]) {
        const outcome = box.attempt(command, [], { through: shell(line) });
        expect(hangOf(outcome)).toBeUndefined();
        expect(outcome.status).not.toBe(0);
      }
    }
    expectLife(waiting(), shell(broken));
    expect(box.state().status).toBe("created");
  });

  shows("ours", "a log that is a fifo that nobody reads is an error, not a wait", () => {
    const box = waiting();
    box.globals.push("--log", fifoOf(box));

    const outcome = box.attempt("create", [], { timeoutMs: 5_000 });
    box.globals.splice(0);

    expect(faultOf(outcome)).toBeUndefined();
    expect(box.leftovers().length === 0).toBe(outcome.status !== 0);
  });

  shows("ours", "a pid file that is a fifo that nobody reads is replaced or refused", () => {
    const box = waiting();
    const fifo = fifoOf(box);

    const outcome = box.attempt("create", ["--pid-file", fifo], { timeoutMs: 5_000 });

    expect(faultOf(outcome)).toBeUndefined();
    if (outcome.status === 0) {
      expect(statSync(fifo).isFile()).toBe(true);
      expect(Number(readFileSync(fifo, "utf8"))).toBe(box.state().pid);
    } else expect(box.leftovers()).toEqual([]);
  });

  shows("ours", "a console socket that is a fifo is refused", () => {
    const box = waiting();
    processOf(box.config).terminal = true;
    box.writeConfig();

    const outcome = box.attempt("create", ["--console-socket", fifoOf(box)], { timeoutMs: 5_000 });

    expect(outcome.status).toBe(1);
    expect(faultOf(outcome)).toBeUndefined();
    expect(box.leftovers()).toEqual([]);
  });

  shows("ours", "a console socket whose listener stands still is not waited for", async () => {
    const box = waiting();
    processOf(box.config).terminal = true;
    box.writeConfig();
    const socket = join(box.dir, "console.sock");
    const receiver = start(terminalTool, ["receive", socket]);
    await until("the socket", () => existsSync(socket));
    receiver.kill("SIGSTOP");
    await until("it to stand still", () => /\) T /.test(readProcFile(receiver.pid, "stat") ?? ""));

    const outcome = box.attempt("create", ["--console-socket", socket], { timeoutMs: 5_000 });

    expect(faultOf(outcome)).toBeUndefined();
    expect(box.attempt("delete", ["--force"]).status).toBe(0);
    tellFigure("load", "streams that nobody reads, writes or holds", 1);
  });

  shows("ours", "a terminal that hangs up ends the command that holds it", async () => {
    for (const isTerminal of [true, false]) {
      const box = waiting();
      processOf(box.config).terminal = isTerminal;
      box.writeConfig();
      const run = ["--root", box.stateRoot, "run", "--bundle", box.bundleDir, box.id];
      const session = start(terminalTool, ["run", "30", "70", runtimePath, ...run]);
      await until("the program to wait for signals", () => {
        const { status, stdout } = box.attempt("state");
        if (status !== 0) return false;
        const state = JSON.parse(stdout);
        return state.status === "running" && isProbeAsleep(state.pid);
      });
      // The tool has a child that copies to the terminal, and so holds it as well.
      const children = childrenOf(session.pid);
      const callers = children.filter((pid) => processGroupOf(pid) === pid);
      expect([callers.length, children.length]).toEqual([1, 2]);

      session.kill("SIGKILL");
      for (const pid of children.filter((child) => !callers.includes(child))) killIfAlive(pid);

      await until("the runtime to end", () => !callers.some(isAlive));
      expect(box.attempt("delete", ["--force"]).status).toBe(0);
      expect(box.leftovers()).toEqual([]);
      tellFigure("load", "streams that nobody reads, writes or holds", 1);
    }
  });

  shows("ours", "list and features on a full disk say that they could not be written", () => {
    for (const command of ["list", "features"]) {
      const through = shell("exec >/dev/full");
      const outcome = callRuntime(["--root", waiting().stateRoot, command], { through });
      expect([command, outcome.status]).toEqual([command, 1]);
      expect(faultOf(outcome)).toBeUndefined();
    }
  });
});

/** Until it waits for signals, the kernel drops a hangup for the first process of a pid namespace. */
const isProbeAsleep = (pid: number) => /\(probe\) S /.test(readProcFile(pid, "stat") ?? "");

/** The numbers in /proc/PID/stat that follow the state: the parent, the process group. */
const familyOf = (pid: number) =>
  (readProcFile(pid, "stat") ?? "")
    .replace(/^.*\) . /s, "")
    .split(" ")
    .map(Number);
const processGroupOf = (pid: number) => familyOf(pid)[1];
const childrenOf = (pid: number) => allPids().filter((other) => familyOf(other)[0] === pid);
