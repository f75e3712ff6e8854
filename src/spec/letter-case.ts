import { configShapes } from "../generated/config-shapes";
import type { JsonObject, JsonOffsets, JsonValue } from "./json";
import { escapePointerStep } from "./json-pointer";

/**
 * Names in other letters than the specification's. runc reads JSON by Go's decoder, which takes them for what
 * they are meant to be, and so there are callers who write them.
 */

/**
 * One property in two spellings: none of them can be meant more than the other. Two objects that say different
 * things are none: they are one object.
 */
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
    if (!Object.hasOwn(object, meant)) {
      spelledAs.set(meant, name);
      move(object, name, object, meant, offsets);
    } else if (areDisjoint(object[meant], object[name])) {
      join(object, name, meant, offsets);
    } else {
      const spellings = [spelledAs.get(meant) ?? meant, name] as const;
      clashes.push({ pointer: below(meant), spellings });
    }
  }
}

/** Whether two values are objects without a common name: what one says the other leaves open. */
function areDisjoint(one: JsonValue | undefined, other: JsonValue | undefined): boolean {
  if (!isObject(one) || !isObject(other)) return false;
  return Object.keys(other).every((name) => !Object.hasOwn(one, name));
}

/** Puts the members of the object `name` into the object `meant`, as Go's decoder fills one structure. */
function join(object: JsonObject, name: string, meant: string, offsets?: JsonOffsets): void {
  const from = object[name] as JsonObject;
  for (const member of Object.keys(from)) {
    move(from, member, object[meant] as JsonObject, member, offsets);
  }
  delete (object as Writable)[name];
}

function move(
  from: JsonObject,
  name: string,
  into: JsonObject,
  newName: string,
  offsets?: JsonOffsets,
): void {
  const value = from[name];
  if (value !== undefined) (into as Writable)[newName] = value;
  delete (from as Writable)[name];
  const place = offsets?.get(from)?.get(name);
  if (place !== undefined) offsets?.get(into)?.set(newName, place);
}

const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !isList(value);

const isList = (value: JsonObject | readonly JsonValue[]): value is readonly JsonValue[] =>
  Array.isArray(value);
