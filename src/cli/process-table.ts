import { RuntimeError } from "../errors/runtime-error";
import type { LaunchFacts } from "../host/launch-facts";

/** What ps(1) shows when the caller has no wishes of its own. */
const defaultOptions = ["-ef"];

/** Of the whole machine. */
const largestTableBytes = 256 * 1024 * 1024;

/** The host's ps(1) with these options: all processes of the machine. */
export function runPs(options: readonly string[], { environment }: LaunchFacts): string {
  // Loaded here: nothing else of the command starts a program in this way, and it takes its time.
  const { spawnSync } = require("node:child_process") as typeof import("node:child_process");
  const { status, error, stdout, stderr } = spawnSync(
    "ps",
    options.length === 0 ? defaultOptions : options,
    {
      env: environment,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
      maxBuffer: largestTableBytes,
    },
  );
  if ((error as NodeJS.ErrnoException | undefined)?.code === "ENOENT") {
    throw new RuntimeError("HOST_FAILED", 'exec: "ps": executable file not found in $PATH');
  }
  if (error !== undefined) throw new RuntimeError("HOST_FAILED", "run ps", { cause: error });
  if (status !== 0) {
    throw new RuntimeError("HOST_FAILED", `ps exited with ${status}: ${(stderr || stdout).trim()}`);
  }
  return stdout;
}

/** The first line of a table of processes, and those lines whose column PID has one of these. */
export function selectRows(table: string, pids: ReadonlySet<number>): string {
  const [header = "", ...rows] = table.split("\n").filter((line) => line.trim() !== "");
  const column = wordsOf(header).indexOf("PID");
  if (column < 0) {
    throw new RuntimeError(
      "HOST_FAILED",
      `couldn't find PID field in ps output: its first line is ${JSON.stringify(header)}`,
    );
  }
  const selected = rows.filter((row) => pids.has(Number(wordsOf(row)[column])));
  return [header, ...selected].map((line) => `${line}\n`).join("");
}

const wordsOf = (line: string) => line.split(" ").filter(Boolean);
