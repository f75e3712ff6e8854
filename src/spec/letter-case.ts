import { configShapes } from "../generated/config-shapes";
import type { JsonObject, JsonOffsets, JsonValue } from "./json";
import { escapePointerStep } from "./json-pointer";

/**
 * Names in other letters than the specification's. runc reads JSON by Go's decoder, which takes them for what
 * they are meant to be, and so there are callers who write them.
 */

/** One property in two spellings: none of them can be meant more than the other. */
export interface SpelledTwice {
  /** Of the property, in the specification's spelling. */
  readonly pointer: string;
  readonly spellings: readonly [string, string];
}

type Writable = Record<string, JsonValue>;

/**
 * Gives members of `value`, and of all below it, their right names where only the case of letters is wrong.
 * `type` is what `value` is to be, by the table of the specification's objects. What is no name of the
 * specification stays as it is. Offsets that were kept of `value` go along.
 */
export function correctLetterCase(
  value: JsonValue,
  type: string,
  offsets?: JsonOffsets,
): readonly SpelledTwice[] {
  const clashes: SpelledTwice[] = [];
  correct(value, type, "", { clashes, offsets });
  return clashes;
}

interface Found {
  readonly clashes: SpelledTwice[];
  readonly offsets: JsonOffsets | undefined;
}

function correct(value: JsonValue | undefined, type: string, pointer: string, found: Found): void {
  if (type === "" || typeof value !== "object" || value === null) return;
  if (isList(value)) {
    value.forEach((item, index) => {
      correct(item, type, `${pointer}/${index}`, found);
    });
    return;
  }
  const below = (name: string) => `${pointer}/${escapePointerStep(name)}`;
  if (type.startsWith("*")) {
    for (const [name, item] of Object.entries(value)) {
      correct(item, type.slice(1), below(name), found);
    }
    return;
  }
  const known = configShapes[type] ?? {};
  correctNames(value, Object.keys(known), below, found);
  for (const [name, next] of Object.entries(known)) correct(value[name], next, below(name), found);
}

function correctNames(
  object: JsonObject,
  known: readonly string[],
  below: (name: string) => string,
  { clashes, offsets }: Found,
): void {
  const spelledAs = new Map<string, string>();
  for (const name of Object.keys(object)) {
    if (known.includes(name)) continue;
    const meant = known.find((right) => right.toLowerCase() === name.toLowerCase());
    if (meant === undefined) continue;
    if (Object.hasOwn(object, meant)) {
      const spellings = [spelledAs.get(meant) ?? meant, name] as const;
      clashes.push({ pointer: below(meant), spellings });
    } else {
      spelledAs.set(meant, name);
      rename(object as Writable, name, meant);
      const places = offsets?.get(object);
      const place = places?.get(name);
      if (place !== undefined) places?.set(meant, place);
    }
  }
}

function rename(object: Writable, from: string, to: string): void {
  const value = object[from];
  if (value !== undefined) object[to] = value;
  delete object[from];
}

const isList = (value: JsonObject | readonly JsonValue[]): value is readonly JsonValue[] =>
  Array.isArray(value);
