// Targets in TypeScript: targets/, each run by run-target.mjs in a process of its own.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const program = fileURLToPath(new URL("run-target.mjs", import.meta.url));
const mostOutputBytes = 64 * 1024 * 1024;

/** How many inputs each target gets in the quick form: some seconds' worth. */
export const driverRuns = {
  "command-line": 8_000,
  config: 8_000,
  fragments: 8_000,
  frames: 10_000,
  json: 15_000,
  messages: 30_000,
  options: 30_000,
  protobuf: 8_000,
  records: 15_000,
  server: 8_000,
};

/** An endless loop is found by it, whatever else the machine does. */
const mostMs = 15 * 60_000;

/** Runs one target; throws with what was thrown when an input fails. */
export async function fuzzDriver(name, { runs, seed, foundDir, scratchDir }) {
  const args = [program, name, String(runs), String(seed), foundDir];
  const env = { ...process.env, TMPDIR: scratchDir };
  const options = { env, maxBuffer: mostOutputBytes, timeout: mostMs };
  const { stdout } = await run(process.execPath, args, options);
  const { found, message, executions } = JSON.parse(stdout);
  if (found !== undefined) throw new Error(`${message}\nthe input is in ${found}`);
  return { executions };
}
