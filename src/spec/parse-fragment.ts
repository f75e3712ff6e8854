import type { Issue } from "./issue";
import { JsonSyntaxError, readJson } from "./json";
import { type ParsedConfig, parseConfig } from "./parse-config";

/** What makes a whole config.json of a part of one, so that the part is checked as what it is there. */
export interface Surround {
  /** In one line, and spelled as canonical-json.ts reads it. */
  readonly head: string;
  readonly tail: string;
  /** What pointers into the part begin with, and what is taken from them. */
  readonly prefix: string;
  /** What a text breaks that is no JSON. */
  readonly clause: string;
}

/** Reads and checks a part of a config.json that stands alone. All places are those of the text. */
export function parseFragment(
  text: string,
  surround: Surround,
  complete?: (document: unknown) => void,
): ParsedConfig {
  const { head, tail } = surround;
  const parsed = parseConfig(new TextEncoder().encode(`${head}${text}${tail}`), complete);
  // What surrounds it is not what the caller wrote, and must not be told of.
  const mistake = parsed.ok ? undefined : findMistake(text, surround);
  if (mistake !== undefined) return { ok: false, issues: [mistake], warnings: [] };
  const relocated = (issue: Issue) => placedInText(issue, surround);
  const warnings = parsed.warnings.map(relocated);
  return parsed.ok
    ? { ...parsed, warnings }
    : { ...parsed, issues: parsed.issues.map(relocated), warnings };
}

/**
 * What keeps the text alone from being JSON. Brackets that close what it did not open go unnoticed when it
 * stands among others.
 */
export function findMistake(text: string, { clause }: Surround): Issue | undefined {
  try {
    readJson(text);
    return undefined;
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    const { LineIndex } = require("./json-positions") as typeof import("./json-positions");
    const place = new LineIndex(text).positionOf(error.offset);
    return { ...issueAtBegin(error.message, clause), ...place };
  }
}

export const issueAtBegin = (message: string, clause: string): Issue => ({
  pointer: "",
  message,
  clause,
  line: 1,
  column: 1,
});

function placedInText(issue: Issue, { head, prefix }: Surround): Issue {
  const pointer = issue.pointer.startsWith(prefix)
    ? issue.pointer.slice(prefix.length)
    : issue.pointer;
  // What is wrong with the head only is so because of the text.
  const column = issue.line === 1 ? Math.max(1, issue.column - head.length) : issue.column;
  return { ...issue, pointer, column };
}
