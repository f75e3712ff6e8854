import type { Process } from "../generated/config";
import type { Issue } from "./issue";
import { maxConfigBytes } from "./parse-config";
import { issueAtBegin, parseFragment, type Surround } from "./parse-fragment";

const clause = "config.md#process";

/** One level deep: a closing bracket too many ends the document, and the reader finds what is behind it. */
const surround: Surround = {
  head: '{"ociVersion":"1.3.0","root":{"path":"/"},"process":',
  tail: "}",
  prefix: "/process",
  clause,
};

export type ParsedProcess =
  | { readonly ok: true; readonly process: Process; readonly warnings: readonly Issue[] }
  | { readonly ok: false; readonly issues: readonly Issue[] };

/** Reads and checks the `process` of `exec --process`. Places in it are its own. */
export function parseProcess(text: string): ParsedProcess {
  if (text.length > maxConfigBytes)
    return refused(`is ${text.length} characters long, and may be at most ${maxConfigBytes}`);
  const parsed = parseFragment(text, surround, addUser);
  if (!parsed.ok) return parsed;
  const { process, ociVersion: _, root: __, ...others } = parsed.config;
  if (process === undefined) return refused("is null");
  if (Object.keys(others).length > 0) return refused("has something behind the process");
  return { ok: true, process, warnings: parsed.warnings };
}

const refused = (message: string): ParsedProcess => ({
  ok: false,
  issues: [issueAtBegin(message, clause)],
});

/** Who names no user means root, as with runc. */
function addUser(document: unknown): void {
  const { process } = document as { process?: { user?: unknown } };
  if (typeof process !== "object" || process === null || Array.isArray(process)) return;
  if (Object.keys(process).some((name) => name.toLowerCase() === "user")) return;
  process.user = { uid: 0, gid: 0 };
}
