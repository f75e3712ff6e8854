import type { JsonValue } from "./json";

/** The prototype of all objects of a document: they inherit nothing. */
export const noPrototype: object = Object.freeze(Object.create(null));

export interface CanonicalJson {
  readonly value: JsonValue;
  /** How many members all its objects have together. */
  readonly members: number;
}

/** What Go's encoder escapes besides, in which most callers are written. It stands in strings only. */
const goEscapes = [
  ["<", "\\u003c"],
  [">", "\\u003e"],
  ["&", "\\u0026"],
] as const;

/**
 * Reads an object or array in the spelling of JSON.stringify or of Go; undefined in any other, and where our own
 * reader would answer something else: for null, and for numbers that are no exact integers. JSON.parse takes a
 * fraction of that reader's time. When what it has read gives the same text again, then it has rounded no number,
 * and left out no name that is there twice.
 */
export function readCanonicalJson(text: string, maxDepth: number): CanonicalJson | undefined {
  const indent = indentOf(text);
  if (indent === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
    let again = JSON.stringify(value, undefined, indent);
    if (text.includes("\\u00")) {
      for (const [character, escaped] of goEscapes) again = again.replaceAll(character, escaped);
    }
    if (again !== text && `${again}\n` !== text) return undefined;
  } catch {
    // No JSON, or nested too deeply for the engine: our reader knows what to say of it.
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const members = takeOver(value, maxDepth);
  return Number.isNaN(members) ? undefined : { value: value as JsonValue, members };
}

const LineFeed = 0x0a;
const Space = 0x20;
const Tab = 0x09;

/** Of the second line, or none when all is in one; undefined when no line breaks are as they have to be. */
function indentOf(text: string): string | undefined {
  if (text.charCodeAt(1) !== LineFeed) {
    const end = text.indexOf("\n");
    return end === -1 || end === text.length - 1 ? "" : undefined;
  }
  let at = 2;
  while (text.charCodeAt(at) === Space || text.charCodeAt(at) === Tab) at++;
  return at === 2 ? undefined : text.slice(2, at);
}

/** Has all objects inherit nothing, and counts their members; NaN when something has to be read by our reader. */
function takeOver(container: object, depthLeft: number): number {
  if (depthLeft === 0) return Number.NaN;
  if (Array.isArray(container)) {
    let members = 0;
    for (const item of container) {
      if (typeof item !== "string") members += membersOf(item, depthLeft);
    }
    return members;
  }
  const object = container as Record<string, unknown>;
  const names = Object.keys(object);
  let members = names.length;
  for (const name of names) {
    const value = object[name];
    if (typeof value !== "string") members += membersOf(value, depthLeft);
  }
  Object.setPrototypeOf(object, noPrototype);
  return members;
}

function membersOf(value: unknown, depthLeft: number): number {
  if (typeof value === "number") return Number.isSafeInteger(value) ? 0 : Number.NaN;
  if (typeof value !== "object") return 0;
  return value === null ? Number.NaN : takeOver(value, depthLeft - 1);
}
