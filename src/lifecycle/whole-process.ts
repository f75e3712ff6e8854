import { RuntimeError } from "../errors/runtime-error";
import type { Process } from "../generated/config";
import { readInput } from "../host/files";
import { exactJson } from "../spec/exact-json";
import type { Issue } from "../spec/issue";
import { maxConfigBytes } from "../spec/parse-config";
import { parseProcess } from "../spec/parse-process";
import { joinIssues, summarizeIssues, warningsOf } from "../spec/report";
import type { ExecRequest } from "./requests";

export type WholeProcessRequest = Pick<ExecRequest, "process" | "processFile" | "processText">;

/** The whole process that the caller gives, in a file, as text or as it is. Throws CONFIG_INVALID or BUNDLE_UNREADABLE. */
export function wholeProcess(
  warn: (message: string) => void,
  { process, processFile = "process", processText }: WholeProcessRequest,
): Process {
  if (process !== undefined) return checkedProcess(process, warn);
  const text = processText ?? readProcess(processFile);
  return checkedText(text, warn, (issues) => summarizeIssues(issues, processFile));
}

function readProcess(file: string): string {
  try {
    return readInput(file, maxConfigBytes);
  } catch (cause) {
    throw new RuntimeError("BUNDLE_UNREADABLE", `read the process "${file}"`, { cause });
  }
}

/** An object is checked as the text that it stands for, and has places in no file. Throws CONFIG_INVALID. */
export const checkedProcess = (process: Process, warn: (message: string) => void): Process =>
  checkedText(exactJson(process), warn, joinIssues);

function checkedText(
  text: string,
  warn: (message: string) => void,
  describe: (issues: readonly Issue[]) => string,
): Process {
  const parsed = parseProcess(text);
  if (!parsed.ok) throw new RuntimeError("CONFIG_INVALID", describe(parsed.issues));
  for (const warning of warningsOf(parsed.warnings)) warn(warning);
  return parsed.process;
}
