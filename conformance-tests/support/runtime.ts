import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { callerEnvironment, isTsoci, patience, runtimePath, scratchDir } from "./environment";

export interface CallOptions {
  /** What stands before the runtime's name: `unshare` or `launch` with their options. */
  readonly through?: readonly string[];
  /** Instead of the runtime under test: the same one, where somebody else can reach it. */
  readonly runtime?: string;
  /** For an operation of a container: what stands before the command. */
  readonly globals?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly input?: string;
  readonly timeoutMs?: number;
  /** Descriptors of ours that the runtime gets as 3, 4 and so on. */
  readonly fds?: readonly number[];
}

export interface Outcome {
  /** -1 when a signal ended it. */
  readonly status: number;
  readonly timedOut: boolean;
  readonly stdout: string;
  readonly stderr: string;
  /** Where a container that still runs goes on writing. */
  readonly stdoutFile: string;
  readonly stderrFile: string;
}

/** Host mounts made by what is called like this are gone when it ends. */
export const isolated = ["unshare", "--mount", "--propagation", "private"] as const;

/**
 * Calls the runtime and waits for it alone, not for a container that keeps its standard streams:
 * these are files, because a pipe would have to be read until the container lets go of it.
 */
export function callRuntime(args: readonly string[], options: CallOptions = {}): Outcome {
  const dir = mkdtempSync(join(scratchDir(), "call-"));
  const files = ["stdin", "stdout", "stderr"].map((name) => join(dir, name));
  const [stdinFile = "", stdoutFile = "", stderrFile = ""] = files;
  writeFileSync(stdinFile, options.input ?? "");
  const stdin = openSync(options.input === undefined ? "/dev/null" : stdinFile, "r");
  const stdout = openSync(stdoutFile, "w");
  const stderr = openSync(stderrFile, "w");
  const [program = "", ...rest] = [
    ...(options.through ?? []),
    options.runtime ?? runtimePath,
    ...args,
  ];
  const result = spawnSync(program, rest, {
    cwd: options.cwd,
    env: options.env ?? callerEnvironment(),
    stdio: [stdin, stdout, stderr, ...(options.fds ?? [])],
    timeout: (options.timeoutMs ?? 20_000) * patience,
    killSignal: "SIGKILL",
  });
  for (const fd of [stdin, stdout, stderr]) closeSync(fd);
  if (result.error !== undefined && result.signal === null) throw result.error;
  return {
    status: result.status ?? -1,
    timedOut: (result.error as NodeJS.ErrnoException | undefined)?.code === "ETIMEDOUT",
    stdout: readFileSync(stdoutFile, "utf8"),
    stderr: readFileSync(stderrFile, "utf8"),
    stdoutFile,
    stderrFile,
  };
}

/** Calls the runtime for something that has to work. */
export function mustCall(args: readonly string[], options: CallOptions = {}): Outcome {
  const outcome = callRuntime(args, options);
  if (outcome.status !== 0) throw new Error(describeOutcome(args, outcome));
  return outcome;
}

export function describeOutcome(args: readonly string[], outcome: Outcome): string {
  const end = outcome.timedOut ? "took too long" : `exited with ${outcome.status}`;
  return `"${args.join(" ")}" ${end}: ${outcome.stderr.trim()} ${outcome.stdout.slice(0, 2000)}`;
}

/** A refusal: exit status 1 and, beside warnings, one line on standard error that holds every one of the given parts. */
export function expectRefusal(outcome: Outcome, ...parts: readonly (string | RegExp)[]): void {
  expectFailure(1, outcome, parts);
}

/** The same of `exec`, whose failures have a status that its programs should not have: runc's. */
export function expectExecRefusal(outcome: Outcome, ...parts: readonly (string | RegExp)[]): void {
  expectFailure(255, outcome, parts);
}

function expectFailure(
  status: number,
  outcome: Outcome,
  parts: readonly (string | RegExp)[],
): void {
  expect({ timedOut: outcome.timedOut, status: outcome.status, stderr: outcome.stderr }).toEqual({
    timedOut: false,
    status,
    stderr: expect.stringMatching(/\S/),
  });
  for (const part of parts) {
    if (typeof part === "string") expect(outcome.stderr).toContain(part);
    else expect(outcome.stderr).toMatch(part);
  }
  const lines = outcome.stderr.trimEnd().split("\n");
  if (isTsoci) expect(lines.filter((line) => !line.includes("level=warning"))).toHaveLength(1);
}
