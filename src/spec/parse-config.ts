import type { Config } from "../generated/config";
import type { SchemaError } from "../generated/schema-validator";
import { takeKnownMembers, validateConfig } from "../generated/validate-config";
import type { Issue } from "./issue";
import { type DuplicateName, JsonSyntaxError, readJson } from "./json";
import { pointerSteps } from "./json-pointer";
import type { LocatedJson } from "./json-positions";
import type { SpelledTwice } from "./letter-case";
import type { Draft, Finding, Rule } from "./rule";
import { rules } from "./rules";

/** A config.json of more bytes is refused; engines write some hundred KiB at most. */
export const maxConfigBytes = 16 * 1024 * 1024;

/** Loaded here: a sound document needs none of them. */
const load = {
  letterCase: () => require("./letter-case") as typeof import("./letter-case"),
  positions: () => require("./json-positions") as typeof import("./json-positions"),
  clauses: () => require("./clauses") as typeof import("./clauses"),
  findings: () => require("./schema-findings") as typeof import("./schema-findings"),
};

const locatedJson = (text: string): LocatedJson =>
  new (load.positions().LocatedJson)(text, { dropNullMembers: true, type: "Config" });
const lineIndex = (text: string) => new (load.positions().LineIndex)(text);

export type ParsedConfig =
  | { readonly ok: true; readonly config: Config; readonly warnings: readonly Issue[] }
  | { readonly ok: false; readonly issues: readonly Issue[]; readonly warnings: readonly Issue[] };

/**
 * Reads and checks a config.json. What is wrong with it comes back all at once. `complete` may add to the
 * document before it is checked.
 */
export function parseConfig(
  bytes: Uint8Array,
  complete?: (document: unknown) => void,
): ParsedConfig {
  if (bytes.length > maxConfigBytes) {
    return unreadable(`is ${bytes.length} bytes long, and may be at most ${maxConfigBytes}`);
  }
  const text = decode(bytes);
  if (typeof text !== "string") return text;
  try {
    const { value, duplicates, members } = readJson(text, { dropNullMembers: true });
    complete?.(value);
    if (duplicates.length === 0 && isSound(value, members)) return checkRules(value, text);
    const clashes = load.letterCase().correctLetterCase(value, "Config");
    if (duplicates.length === 0 && clashes.length === 0 && validateConfig(value))
      return checkRules(value, text);
    return refuse(text, duplicates, clashes, complete);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    const { line, column } = lineIndex(text).positionOf(error.offset);
    return unreadable(error.message, line, column);
  }
}

/** Whether the schema has nothing against a document, and knows all its names. */
function isSound(value: unknown, members: number): value is Config {
  takeKnownMembers();
  return validateConfig(value) && takeKnownMembers() === members;
}

function unreadable(message: string, line = 1, column = 1): ParsedConfig {
  return {
    ok: false,
    issues: [{ pointer: "", message, clause: "config.md", line, column }],
    warnings: [],
  };
}

/** The text, or why there is none. */
function decode(bytes: Uint8Array): string | ParsedConfig {
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
    return unreadable("is UTF-16, and must be UTF-8");
  }
  try {
    // A byte order mark is left in, for the parser to name it.
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    const before = longestUtf8Prefix(bytes);
    const { line, column } = lineIndex(before).positionOf(before.length);
    return unreadable("is not UTF-8 from here on", line, column);
  }
}

/** The text before the first byte that is not UTF-8, found by bisection: only failures pay for it. */
function longestUtf8Prefix(bytes: Uint8Array): string {
  const decodes = (length: number): string | undefined => {
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
        bytes.subarray(0, length),
        {
          // A character that the prefix cuts in two is not yet a mistake.
          stream: true,
        },
      );
    } catch {
      return undefined;
    }
  };
  let low = 0;
  let high = bytes.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (decodes(middle) === undefined) high = middle - 1;
    else low = middle;
  }
  return decodes(low) ?? "";
}

interface Checked extends Finding {
  readonly clause: string;
}

function findingsOf(config: Draft<Config>): {
  readonly errors: readonly Checked[];
  readonly warnings: readonly Checked[];
} {
  const found: Record<Rule["severity"], Checked[]> = { error: [], warning: [] };
  for (const { about, check, clause, severity } of rules) {
    // Most rules are about what few configs have, and to ask each takes longer than to read the whole text.
    if (about !== undefined && !isThere(config, about)) continue;
    for (const finding of check(config)) found[severity].push({ ...finding, clause });
  }
  return { errors: found.error, warnings: found.warning };
}

function isThere(config: object, way: readonly string[]): boolean {
  let value: unknown = config;
  for (const name of way) {
    if (!isObject(value)) return false;
    value = value[name];
  }
  return value !== undefined;
}

/** The way of a document that the schema has nothing against; without findings nothing is read twice. */
function checkRules(config: Config, text: string): ParsedConfig {
  const { errors, warnings } = findingsOf(config as Draft<Config>);
  if (errors.length === 0 && warnings.length === 0) return { ok: true, config, warnings: [] };
  const document = locatedJson(text);
  const located = { issues: locate(errors, document), warnings: locate(warnings, document) };
  return errors.length === 0
    ? { ok: true, config, warnings: located.warnings }
    : { ok: false, ...located };
}

/** The way of a document with duplicate names, or that the schema refuses: the rules see what is left of it. */
function refuse(
  text: string,
  duplicates: readonly DuplicateName[],
  clashes: readonly SpelledTwice[],
  complete: ((document: unknown) => void) | undefined,
): ParsedConfig {
  const document = locatedJson(text);
  complete?.(document.value);
  validateConfig(document.value);
  const schemaErrors = validateConfig.errors ?? [];
  const errors: Checked[] = [];
  const { clauseOf } = load.clauses();
  const { findingOf } = load.findings();
  for (const error of schemaErrors) {
    const finding = findingOf(error, document);
    if (finding !== undefined) errors.push({ ...finding, clause: clauseOf(finding.pointer) });
  }
  const repeated = [
    ...duplicates.map((duplicate) => duplicateIssue(duplicate, document)),
    ...clashes.map((clash) => clashIssue(clash, document)),
  ];
  const malformed = locate(errors, document);
  for (const error of schemaErrors) withdraw(document.value, error);
  const found = isObject(document.value)
    ? findingsOf(document.value as Draft<Config>)
    : { errors: [], warnings: [] };
  const issues = [...repeated, ...malformed, ...locate(found.errors, document)].sort(byPosition);
  return { ok: false, issues, warnings: locate(found.warnings, document) };
}

function duplicateIssue({ pointer, offset }: DuplicateName, document: LocatedJson): Issue {
  const message = "is there twice, and must be there once";
  return { pointer, message, clause: "config.md", ...document.lines.positionOf(offset) };
}

function clashIssue({ pointer, spellings }: SpelledTwice, document: LocatedJson): Issue {
  const [one, other] = spellings.map((name) => JSON.stringify(name));
  const message = `is there as ${one} and as ${other}, and must be there once`;
  return { pointer, message, clause: "config.md", ...document.positionOf(pointer) };
}

const locate = (findings: readonly Checked[], document: LocatedJson): Issue[] =>
  findings
    .map(({ pointer, message, clause }) => ({
      pointer,
      message,
      clause,
      ...document.positionOf(pointer),
    }))
    .sort(byPosition);

const byPosition = (a: Issue, b: Issue) => a.line - b.line || a.column - b.column;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Puts undefined in the place of a value that the schema refuses, so that no rule meets it. */
function withdraw(document: unknown, { instancePath, keyword, propertyName }: SchemaError): void {
  // What is missing is undefined anyway, and a list that is too short holds nothing wrong.
  if (keyword === "required" || keyword === "minItems" || keyword === "propertyNames") return;
  const steps = [...pointerSteps(instancePath)];
  if (propertyName !== undefined) steps.push(propertyName);
  const last = steps.pop();
  let holder = document;
  for (const step of steps) {
    if (typeof holder !== "object" || holder === null) return;
    holder = (holder as Record<string, unknown>)[step];
  }
  if (last === undefined || typeof holder !== "object" || holder === null) return;
  (holder as Record<string, unknown>)[last] = undefined;
}
