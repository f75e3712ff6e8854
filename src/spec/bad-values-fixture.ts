import { pointerSteps } from "./json-pointer";
import {
  configProperties,
  exampleOf,
  type Json,
  makeWay,
  type Property,
  type Schema,
} from "./schema-walk-fixture";

/** Values for every property of config.json that most properties must not have, as rows of a table. */

export interface BadValue extends Property {
  /** What kind of value it is, in words. */
  readonly kind: string;
  /** The value as the document spells it. */
  readonly raw: string;
}

interface Kind {
  readonly kind: string;
  /** The types of properties that get it. */
  readonly of: (schema: Schema) => boolean;
  readonly raw: (property: Property) => string;
}

const mebibyte = 1 << 20;
export const manyEntries = 10_000;

const isNot = (type: string) => (schema: Schema) => schema.type !== type;
const is = (type: string) => (schema: Schema) => schema.type === type;
const isMap = (schema: Schema) => schema.additionalProperties !== undefined;
const fixed = (text: string) => () => text;
const named =
  (name: string) =>
  ({ schema, file }: Property) =>
    `{${name}:${JSON.stringify(exampleOf(schema.additionalProperties ?? {}, file))}}`;

const numbers = {
  "2^31": "2147483648",
  "2^32 - 1": "4294967295",
  "2^32": "4294967296",
  "2^53 + 1": "9007199254740993",
  "2^63": "9223372036854775808",
  "2^64": "18446744073709551616",
  "-1": "-1",
  "-2^63 - 1": "-9223372036854775809",
  "1.5": "1.5",
  "1e400": "1e400",
};

const texts = {
  "an empty string": '""',
  "a string with NUL": '"a\\u0000b"',
  "a string with a line break": '"a\\nb"',
  "a string with half of a surrogate pair": '"\\ud800"',
  "a string of 1 MiB": JSON.stringify("x".repeat(mebibyte)),
};

const names = {
  "an empty name": '""',
  "a name with NUL": '"a\\u0000b"',
  "a name with half of a surrogate pair": '"\\udfff"',
  "a name of 64 KiB": JSON.stringify("x".repeat(65536)),
};

const kinds: readonly Kind[] = [
  { kind: "null", of: () => true, raw: fixed("null") },
  { kind: "true", of: isNot("boolean"), raw: fixed("true") },
  { kind: "a number", of: isNot("integer"), raw: fixed("7") },
  { kind: "a string", of: isNot("string"), raw: fixed('"7"') },
  { kind: "an array", of: isNot("array"), raw: fixed("[7]") },
  { kind: "an object", of: isNot("object"), raw: fixed('{"seven":7}') },
  ...Object.entries(numbers).map(([kind, raw]) => ({ kind, of: is("integer"), raw: fixed(raw) })),
  ...Object.entries(texts).map(([kind, raw]) => ({ kind, of: is("string"), raw: fixed(raw) })),
  { kind: "an empty array", of: is("array"), raw: fixed("[]") },
  {
    kind: "an array of 10,000 entries",
    of: is("array"),
    raw: ({ schema, file }) => {
      const entry = JSON.stringify(exampleOf(schema.items ?? {}, file));
      return `[${Array.from({ length: manyEntries }, () => entry).join()}]`;
    },
  },
  { kind: "an empty object", of: is("object"), raw: fixed("{}") },
  { kind: "a name that is there twice", of: is("object"), raw: fixed('{"seven":7,"seven":7}') },
  ...Object.entries(names).map(([kind, name]) => ({ kind, of: isMap, raw: named(name) })),
];

/** All rows for a document, property by property. Nothing of them depends on chance. */
export const badValues = (document: Json): readonly BadValue[] =>
  configProperties(document).flatMap((property) =>
    kinds
      .filter(({ of }) => of(property.schema))
      .map(({ kind, raw }) => ({ ...property, kind, raw: raw(property) })),
  );

const mark = "\u{10fffd}";

/** The document's text with the row's value in it. */
export function textWith(document: Json, { pointer, raw }: BadValue): string {
  const changed = structuredClone(document);
  makeWay(changed, pointer);
  const steps = [...pointerSteps(pointer)];
  const last = steps.pop() ?? "";
  let holder = changed;
  for (const step of steps) holder = holder[step] as Json;
  holder[last] = mark;
  // A function, as a text would be read for its dollar signs.
  return JSON.stringify(changed).replace(JSON.stringify(mark), () => raw);
}
