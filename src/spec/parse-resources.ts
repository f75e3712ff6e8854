import type { Resources } from "../generated/config";
import type { Issue } from "./issue";
import { JsonSyntaxError, readJson } from "./json";
import { parseConfig } from "./parse-config";

export type ParsedResources =
  | { readonly ok: true; readonly resources: Resources }
  | { readonly ok: false; readonly issues: readonly Issue[] };

// In a line of its own, so that all positions below it are those of the text, one line further down.
const head = '{"ociVersion":"1.3.0","root":{"path":"/"},"linux":{"resources":\n';
const tail = "\n}}";

/** Reads and checks `linux.resources` alone, as the part of a config.json that they are. Pointers begin at the config. */
export function parseResources(text: string): ParsedResources {
  const parsed = parseConfig(new TextEncoder().encode(`${head}${text}${tail}`));
  if (!parsed.ok) {
    const issues = parsed.issues.map((issue) => ({ ...issue, line: issue.line - 1 }));
    return { ok: false, issues };
  }
  // Brackets that close what this text did not open would have gone unnoticed.
  const mistake = findMistake(text);
  if (mistake !== undefined) return { ok: false, issues: [mistake] };
  return { ok: true, resources: parsed.config.linux?.resources ?? {} };
}

function findMistake(text: string): Issue | undefined {
  try {
    readJson(text);
    return undefined;
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    return { pointer: "", message: error.message, clause: "config.md", line: 1, column: 1 };
  }
}
