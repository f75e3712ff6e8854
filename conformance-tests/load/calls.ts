import { spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import {
  callerEnvironment,
  isTsoci,
  patience,
  runtimePath,
  scratchDir,
} from "../support/environment";
import { tellFigure } from "../support/figures.mjs";
import { type CallOptions, describeOutcome, type Outcome } from "../support/runtime";

type Options = Pick<CallOptions, "through" | "timeoutMs">;

/** As callRuntime, but others go on beside it. What it wrote is read when it ends, and removed. */
export function callBeside(args: readonly string[], options: Options = {}): Promise<Outcome> {
  const dir = mkdtempSync(join(scratchDir(), "beside-"));
  const [stdoutFile, stderrFile] = [join(dir, "stdout"), join(dir, "stderr")];
  const files = [openSync("/dev/null", "r"), openSync(stdoutFile, "w"), openSync(stderrFile, "w")];
  const [program = "", ...rest] = [...(options.through ?? []), runtimePath, ...args];
  const child = spawn(program, rest, { stdio: files, env: callerEnvironment() });
  for (const fd of files) closeSync(fd);
  let timedOut = false;
  const deadline = setTimeout(
    () => {
      timedOut = true;
      child.kill("SIGKILL");
    },
    (options.timeoutMs ?? 60_000) * patience,
  );
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (status) => {
      clearTimeout(deadline);
      const [stdout, stderr] = [stdoutFile, stderrFile].map((file) => readFileSync(file, "utf8"));
      rmSync(dir, { recursive: true });
      const said = { stdout: stdout ?? "", stderr: stderr ?? "" };
      resolve({ status: status ?? -1, timedOut, ...said, stdoutFile, stderrFile });
    });
  });
}

export async function mustCallBeside(args: readonly string[]): Promise<void> {
  const outcome = await callBeside(args);
  if (outcome.status !== 0) throw new Error(describeOutcome(args, outcome));
}

/** Does something with each of the items, with so many of them at a time. */
export async function atATime<T>(
  count: number,
  items: readonly T[],
  work: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = items.values();
  const worker = async () => {
    for (const item of waiting) await work(item);
  };
  await Promise.all(Array.from({ length: count }, worker));
}

let hangs = 0;

/** Has the file's tests tell how many of the calls that they judged ran into their deadline. */
export function countHangs(): void {
  afterAll(() => tellFigure("load", "hangs", hangs));
}

/** As faultOf, where the runtime may get too little to say anything, or be killed: only a hang is wrong. */
export const hangOf = ({ timedOut }: Outcome) => (timedOut ? hung() : undefined);

function hung(): string {
  hangs += 1;
  return "it hung";
}

/**
 * What is wrong with how a call ended, in a line: it may work, or say why it does not, in one line and with
 * one status. By hand it is worth knowing of which of thousands this is told, so it is no expect().
 */
export function faultOf(outcome: Outcome, refusal = 1): string | undefined {
  const { status, timedOut, stderr } = outcome;
  if (timedOut) return hung();
  if (status !== 0 && status !== refusal) return `it ended with ${status}: ${stderr}`;
  const lines = stderr.split("\n").filter((line) => line !== "" && !line.includes("level=warning"));
  if (status === 0) return lines.length === 0 ? undefined : `it worked, and said: ${stderr}`;
  if (lines.length === 0) return "it failed and said nothing";
  return lines.length > 1 && isTsoci ? `it said more than one line: ${stderr}` : undefined;
}
