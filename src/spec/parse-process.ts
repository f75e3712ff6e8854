import type { Process } from "../generated/config";
import type { Issue } from "./issue";
import { maxConfigBytes, parseConfig } from "./parse-config";

/** A process alone: it is checked as the part of a config.json that it is. */
const before = '{"ociVersion":"1.3.0","root":{"path":"/"},"process":';
const after = "}";

export type ParsedProcess =
  | { readonly ok: true; readonly process: Process; readonly warnings: readonly Issue[] }
  | { readonly ok: false; readonly issues: readonly Issue[] };

/** Reads and checks the `process` of `exec --process`. Places in it are its own. */
export function parseProcess(text: string): ParsedProcess {
  if (text.length > maxConfigBytes) {
    const message = `is ${text.length} characters long, and may be at most ${maxConfigBytes}`;
    return { ok: false, issues: [issueAtBegin(message)] };
  }
  const parsed = parseConfig(new TextEncoder().encode(before + text + after), addUser);
  if (!parsed.ok) return { ok: false, issues: parsed.issues.map(placedInProcess) };
  const { process, ociVersion: _, root: __, ...others } = parsed.config;
  if (process === undefined) return { ok: false, issues: [issueAtBegin("is null")] };
  if (Object.keys(others).length > 0)
    return { ok: false, issues: [issueAtBegin("has something behind the process")] };
  return { ok: true, process, warnings: parsed.warnings.map(placedInProcess) };
}

/** Who names no user means root, as with runc. */
function addUser(document: unknown): void {
  const { process } = document as { process?: { user?: unknown } };
  if (typeof process !== "object" || process === null || Array.isArray(process)) return;
  if (Object.keys(process).some((name) => name.toLowerCase() === "user")) return;
  process.user = { uid: 0, gid: 0 };
}

const issueAtBegin = (message: string): Issue => ({
  pointer: "",
  message,
  clause: "config.md#process",
  line: 1,
  column: 1,
});

function placedInProcess(issue: Issue): Issue {
  const column = issue.line === 1 ? Math.max(1, issue.column - before.length) : issue.column;
  const prefix = "/process";
  const pointer = issue.pointer.startsWith(prefix)
    ? issue.pointer.slice(prefix.length)
    : issue.pointer;
  return { ...issue, pointer, column };
}
