import { randomBytes } from "node:crypto";
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { baseConfig, type Config, type Process, processOf } from "./config";
import { programPath, scratchDir } from "./environment";
import { cgroupDirs, cgroupParent, isAlive } from "./host";
import type { Report } from "./report";
import { type CallOptions, callRuntime, describeOutcome, type Outcome } from "./runtime";
import { waitFor } from "./wait";

export interface ContainerState {
  readonly ociVersion: string;
  readonly id: string;
  readonly pid: number;
  readonly status: string;
  readonly bundle: string;
  readonly annotations?: Record<string, string>;
  readonly [property: string]: unknown;
}

/** A bundle of its own, with a state root of its own, and the runtime's commands for it. */
export class Container {
  readonly id: string;
  readonly dir: string;
  readonly bundleDir: string;
  readonly rootfsDir: string;
  readonly stateRoot: string;
  readonly cgroupPath: string;
  readonly config: Config;
  /** Options of the runtime that stand before each command. */
  readonly globals: string[] = [];
  #created: Outcome | undefined;

  constructor(edit: (config: Config, container: Container) => void = () => {}) {
    this.id = `t${randomBytes(6).toString("hex")}`;
    this.dir = mkdtempSync(join(scratchDir(), `${this.id}-`));
    this.bundleDir = join(this.dir, "bundle");
    this.rootfsDir = join(this.bundleDir, "rootfs");
    this.stateRoot = join(this.dir, "state");
    this.cgroupPath = `${cgroupParent()}/${this.id}`;
    this.config = baseConfig(this.cgroupPath);
    // Ids of a user namespace must be able to reach the rootfs.
    chmodSync(this.dir, 0o755);
    for (const name of ["proc", "sys", "dev", "etc", "tmp", "bin"]) {
      mkdirSync(join(this.rootfsDir, name), { recursive: true });
    }
    linkSync(programPath("probe"), join(this.rootfsDir, "probe"));
    edit(this.config, this);
    this.writeConfig();
  }

  writeConfig(text: string = JSON.stringify(this.config, null, 2)): void {
    writeFileSync(join(this.bundleDir, "config.json"), text);
  }

  /** What the probe does beside its report. */
  probe(...args: readonly string[]): void {
    processOf(this.config).args = ["/probe", ...args];
    this.writeConfig();
  }

  /** The shell and the tools of a static busybox in /bin. */
  addBusybox(): void {
    for (const name of ["busybox", "sh", "cat", "id", "sleep", "true", "ls", "mount"]) {
      linkSync(programPath("busybox"), join(this.rootfsDir, "bin", name));
    }
  }

  /** A directory of the host that the container sees at `destination`, writable. */
  share(destination: string): string {
    const dir = join(this.dir, `shared${destination.replaceAll("/", "-")}`);
    mkdirSync(dir, { recursive: true });
    chmodSync(dir, 0o777);
    mkdirSync(join(this.rootfsDir, destination), { recursive: true });
    this.config.mounts.push({ destination, type: "bind", source: dir, options: ["bind", "rw"] });
    this.writeConfig();
    return dir;
  }

  /** Adds an executable shell script of the host. */
  script(name: string, body: string): string {
    const path = join(this.dir, name);
    writeFileSync(path, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
    return path;
  }

  /** Calls a command for this container; the outcome may be a refusal. */
  attempt(command: string, flags: readonly string[] = [], options: CallOptions = {}): Outcome {
    const takesBundle = ["create", "run", "restore"].includes(command);
    const bundle = takesBundle ? ["--bundle", this.bundleDir] : [];
    const globals = [...this.globals, "--root", this.stateRoot, ...(options.globals ?? [])];
    const args = [...globals, command, ...bundle, ...flags, this.id];
    const outcome = callRuntime(args, options);
    if (takesBundle) this.#created = outcome;
    return outcome;
  }

  /** Calls a command that has to work. */
  do(command: string, flags: readonly string[] = [], options: CallOptions = {}): Outcome {
    const outcome = this.attempt(command, flags, options);
    if (outcome.status !== 0) throw new Error(describeOutcome([command, ...flags], outcome));
    return outcome;
  }

  /** Calls `exec` with a command; the outcome may be a refusal. */
  attemptExec(
    command: readonly string[],
    flags: readonly string[] = [],
    options: CallOptions = {},
  ): Outcome {
    return callRuntime(this.execArgs(command, flags), options);
  }

  /** The arguments of the runtime for an `exec`. */
  execArgs(command: readonly string[], flags: readonly string[] = []): string[] {
    return ["--root", this.stateRoot, "exec", ...flags, this.id, ...command];
  }

  /** Runs a further process that has to end well. */
  exec(
    command: readonly string[],
    flags: readonly string[] = [],
    options: CallOptions = {},
  ): Outcome {
    const outcome = this.attemptExec(command, flags, options);
    if (outcome.status !== 0) throw new Error(describeOutcome(["exec", ...flags], outcome));
    return outcome;
  }

  /** What the probe sees as a further process. */
  seeExec(
    flags: readonly string[] = [],
    probe: readonly string[] = [],
    options: CallOptions = {},
  ): Report {
    return parseReport(this.exec(["/probe", ...probe], flags, options).stdout);
  }

  /** A file for `exec --process`: a process that prints what it sees, edited. */
  processFile(edit: Partial<Process> = {}, name = "process.json"): string {
    const path = join(this.dir, name);
    const process = {
      args: ["/probe"],
      cwd: "/",
      env: ["PATH=/"],
      user: { uid: 0, gid: 0 },
      ...edit,
    };
    writeFileSync(path, JSON.stringify(process));
    return path;
  }

  /** Has the container run, with the probe waiting in it. */
  runWaiting(): number {
    this.probe("--quiet", "--wait");
    this.do("run", ["--detach"]);
    return this.state().pid;
  }

  kill(signal: string): Outcome {
    return callRuntime([...this.globals, "--root", this.stateRoot, "kill", this.id, signal]);
  }

  /** Runs the container in the foreground and returns what the probe saw. */
  see(flags: readonly string[] = [], options: CallOptions = {}): Report {
    return parseReport(this.do("run", flags, options).stdout);
  }

  /** What a container that was created has written, once the probe has reported. */
  report(): Report {
    return parseReport(waitFor("the probe's report", () => completeLine(this.output())));
  }

  /** What the container has written to standard output so far. */
  output(): string {
    if (this.#created === undefined) throw new Error("the container was not created");
    return readFileSync(this.#created.stdoutFile, "utf8");
  }

  /** What create and the container have written to standard error so far. */
  errors(): string {
    if (this.#created === undefined) throw new Error("the container was not created");
    return readFileSync(this.#created.stderrFile, "utf8");
  }

  state(): ContainerState {
    return JSON.parse(this.do("state").stdout) as ContainerState;
  }

  waitUntilStopped(): void {
    const { pid } = this.state();
    if (pid > 0) waitFor(`process ${pid} to end`, () => !isAlive(pid));
    waitFor("the status stopped", () => this.state().status === "stopped");
  }

  /** What is there of the container on the host, apart from its bundle. Compiled filters are no container's. */
  leftovers(): string[] {
    const entries = existsSync(this.stateRoot) ? readdirSync(this.stateRoot) : [];
    const states = entries.filter((name) => name !== "@seccomp");
    return [...states.map((name) => join(this.stateRoot, name)), ...cgroupDirs(this.cgroupPath)];
  }
}

function completeLine(text: string): string | undefined {
  const end = text.indexOf("\n");
  return end < 0 ? undefined : text.slice(0, end);
}

export function parseReport(text: string): Report {
  const line = text.split("\n").find((candidate) => candidate.startsWith("{"));
  if (line === undefined) throw new Error(`no report in "${text}"`);
  return JSON.parse(line) as Report;
}
