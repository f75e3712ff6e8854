import { patternMeanings } from "../generated/pattern-meanings";
import type { SchemaError } from "../generated/schema-validator";
import { escapePointerStep } from "./json-pointer";
import type { LocatedJson } from "./json-positions";
import { type Finding, quote } from "./rule";

const typeNames: Readonly<Record<string, string>> = {
  object: "an object",
  array: "an array",
  string: "a string",
  boolean: "true or false",
};

/** What a value must be, by the keyword of the schema that it does not meet; to follow "must". */
const demands: Readonly<Record<string, (params: Readonly<Record<string, unknown>>) => string>> = {
  type: ({ type }) => `be ${typeNames[String(type)] ?? String(type)}`,
  wholeNumber: ({ minimum, maximum }) => `be an integer from ${minimum} to ${maximum}`,
  enum: ({ allowedValues }) => `be ${oneOf(allowedValues as readonly unknown[])}`,
  pattern: ({ pattern }) => patternMeanings[String(pattern)] ?? `match ${pattern}`,
  minItems: ({ limit }) => `have at least ${limit} ${limit === 1 ? "entry" : "entries"}`,
  systemText: () => "hold neither NUL nor half of a surrogate pair",
};

const oneOf = (values: readonly unknown[]) =>
  `${values.length > 1 ? "one of " : ""}${values.map(quote).join(", ")}`;

/** Words that callers of runc look for, before what we have to say. */
const phrases: readonly (readonly [at: RegExp, phrase: string])[] = [
  [/^\/linux\/memoryPolicy\/mode$/, "invalid memory policy mode: "],
  [/^\/linux\/memoryPolicy\/flags\b/, "invalid memory policy flag: "],
  [/^\/linux\/memoryPolicy\b/, "invalid memory policy: "],
];

const phraseAt = (pointer: string) => phrases.find(([at]) => at.test(pointer))?.[1] ?? "";

function describeFound(document: LocatedJson, pointer: string): string {
  const value = document.valueAt(pointer);
  if (Array.isArray(value)) return value.length === 0 ? "an empty array" : "an array";
  if (typeof value === "object" && value !== null) return "an object";
  if (typeof value === "number" && Number.isNaN(value)) return document.numberTextAt(pointer);
  return quote(value);
}

/** One finding for what the schema has against one value. */
export function findingOf(error: SchemaError, document: LocatedJson): Finding | undefined {
  // The error about the name itself says more.
  if (error.keyword === "propertyNames") return undefined;
  const { instancePath } = error;
  if (error.keyword === "required") {
    const message = `${phraseAt(instancePath)}lacks ${quote(error.params.missingProperty)}, which is required`;
    return { pointer: instancePath, message };
  }
  const demand = demands[error.keyword]?.(error.params) ?? `meet "${error.keyword}" of the schema`;
  if (error.propertyName !== undefined) {
    const pointer = `${instancePath}/${escapePointerStep(error.propertyName)}`;
    return { pointer, message: `has the name ${quote(error.propertyName)}, which must ${demand}` };
  }
  const found = describeFound(document, instancePath);
  return {
    pointer: instancePath,
    message: `${phraseAt(instancePath)}is ${found}, and must ${demand}`,
  };
}
