import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { callerEnvironment, patience, runtimePath } from "./environment";

interface BackgroundOptions {
  readonly cwd?: string | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
}

/** A program that runs beside the test: its output is collected, and it is ended with the test. */
export class Background {
  readonly process: ChildProcess;
  readonly #ended: Promise<{ status: number; signal: string | null }>;
  #stdout = "";
  #stderr = "";

  constructor(program: string, args: readonly string[], options: BackgroundOptions = {}) {
    this.process = spawn(program, args, {
      cwd: options.cwd,
      env: options.env ?? callerEnvironment(),
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.process.stdout?.on("data", (bytes) => {
      this.#stdout += bytes;
    });
    this.process.stderr?.on("data", (bytes) => {
      this.#stderr += bytes;
    });
    this.#ended = once(this.process, "close").then(([status, signal]) => ({
      status: status ?? -1,
      signal,
    }));
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  get pid(): number {
    if (this.process.pid === undefined) throw new Error("the program was not started");
    return this.process.pid;
  }

  write(text: string): void {
    this.process.stdin?.write(text);
  }

  kill(signal: NodeJS.Signals): void {
    this.process.kill(signal);
  }

  /** What `find` makes of the output, as soon as that is not undefined. */
  async until<T>(what: string, find: (stdout: string) => T | undefined | false): Promise<T> {
    return until(`${what} in "${this.#stdout}" "${this.#stderr}"`, () => find(this.#stdout));
  }

  async end(timeoutMs = 10_000): Promise<{ status: number; signal: string | null }> {
    const timer = setTimeout(() => this.process.kill("SIGKILL"), timeoutMs * patience);
    const result = await this.#ended;
    clearTimeout(timer);
    return result;
  }
}

/** As waitFor, but lets what happens beside the test go on. */
export async function until<T>(
  what: string,
  find: () => T | undefined | false,
  timeoutMs = 10_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs * patience;
  for (;;) {
    const found = find();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs * patience} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Programs that end with each test. */
export function useBackground(): {
  start: (program: string, args: readonly string[], options?: BackgroundOptions) => Background;
  startRuntime: (args: readonly string[], options?: BackgroundOptions) => Background;
} {
  const started: Background[] = [];

  afterEach(async () => {
    for (const background of started.splice(0)) {
      background.kill("SIGKILL");
      await background.end();
    }
  });

  const start = (program: string, args: readonly string[], options: BackgroundOptions = {}) => {
    const background = new Background(program, args, options);
    started.push(background);
    return background;
  };
  return { start, startRuntime: (args, options) => start(runtimePath, args, options) };
}
