import { RuntimeError } from "../errors/runtime-error";
import type { Process } from "../generated/config";
import { readText } from "../host/files";
import { exactJson } from "../spec/exact-json";
import { parseProcess } from "../spec/parse-process";
import { summarizeIssues } from "../spec/report";
import type { ExecRequest } from "./requests";

export type WholeProcessRequest = Pick<ExecRequest, "process" | "processFile" | "processText">;

/** The whole process that the caller gives, in a file, as text or as it is. Throws CONFIG_INVALID or BUNDLE_UNREADABLE. */
export function wholeProcess(
  warn: (message: string) => void,
  { process, processFile = "process", processText }: WholeProcessRequest,
): Process {
  if (process !== undefined) return checkedProcess(process, warn);
  const parsed = parseProcess(processText ?? readProcess(processFile));
  if (!parsed.ok)
    throw new RuntimeError("CONFIG_INVALID", summarizeIssues(parsed.issues, processFile));
  for (const { pointer, message } of parsed.warnings) warn(`${pointer}: ${message}`);
  return parsed.process;
}

function readProcess(file: string): string {
  try {
    return readText(file);
  } catch (cause) {
    throw new RuntimeError("BUNDLE_UNREADABLE", `read the process "${file}"`, { cause });
  }
}

/** An object is checked as the text that it stands for, and has places in no file. Throws CONFIG_INVALID. */
export function checkedProcess(process: Process, warn: (message: string) => void): Process {
  const parsed = parseProcess(exactJson(process));
  if (!parsed.ok) {
    const issues = parsed.issues.map(({ pointer, message }) => `"${pointer}" ${message}`);
    throw new RuntimeError("CONFIG_INVALID", issues.join("; "));
  }
  for (const { pointer, message } of parsed.warnings) warn(`${pointer}: ${message}`);
  return parsed.process;
}
