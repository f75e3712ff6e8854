// One machine of run.sh, for the programs that test in them.
import { spawn } from "node:child_process";
import { openSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
export const root = join(here, "../..");

/** What run.sh ends with when there can be no machine here. */
export const cannotBeHad = 77;

/** Emulated processors are up to ten times slower than those of this machine. */
export const patience = 10;

/** Resolves to the exit status of run.sh; what is printed goes to the file. */
export function runMachine(args, logFile) {
  const log = logFile === undefined ? "inherit" : openSync(logFile, "w");
  const child = spawn(join(here, "run.sh"), args, { cwd: root, stdio: ["ignore", log, log] });
  return new Promise((resolve) => child.on("close", (status) => resolve(status ?? -1)));
}

export const sentence = ({ passed, failed, skipped }) =>
  `${passed} passed, ${failed} failed, ${skipped} skipped`;
