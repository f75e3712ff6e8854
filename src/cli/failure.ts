import { errorCodes } from "../errors/codes";
import { describeError } from "../errors/describe";
import { RuntimeError } from "../errors/runtime-error";
import { loadAside } from "../host/aside";
import { writeAll } from "../host/write-all";
import type { Log } from "../log/log";
import { UnknownCommandError, UsageError } from "./usage-error";

/** The status that the process exits with after `error`. An error of no known kind is a fault of ours: 1. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof RuntimeError)) return 1;
  return error.exitStatus ?? errorCodes[error.code].exitCode;
}

/** Tells of a failure, in the log and on standard error, once. Returns the process's exit status. */
export async function reportFailure(error: unknown, log: Log, program: string): Promise<number> {
  const message = describeError(error) + (await suggestionFor(error));
  if (error instanceof UsageError) {
    const { helpText } = require("./dispatch") as typeof import("./dispatch");
    writeAll(1, `Incorrect Usage: ${message}\n\n${await helpText(program, error.command)}`);
  }
  if (program === "runc") {
    const { tellAsRunc } = require("./as-runc") as typeof import("./as-runc");
    const told = tellAsRunc(error, message);
    log.fail(told.message, told.line);
  } else {
    log.fail(message);
  }
  return exitCodeOf(error);
}

async function suggestionFor(error: unknown): Promise<string> {
  if (!(error instanceof UsageError || error instanceof UnknownCommandError)) return "";
  if (error.misspelling === undefined) return "";
  const { nearestWord } = loadAside("help");
  const nearest = await nearestWord(error.misspelling.word, error.misspelling.known);
  return nearest === undefined ? "" : `, did you mean "${nearest}"?`;
}
