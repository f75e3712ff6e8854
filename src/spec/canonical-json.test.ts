import { readCanonicalJson } from "./canonical-json";
import { type JsonDocument, maxJsonDepth, readJson } from "./json";

/** Who asks for offsets gets them from our own reader. */
const readWithCare = (text: string) => readJson(text, { offsets: new Map() });

/** What our own reader makes of a text, or how it refuses it. */
function outcomeOf(read: () => JsonDocument): unknown {
  try {
    return read();
  } catch (error) {
    return error;
  }
}

function objectsIn(value: unknown): object[] {
  if (typeof value !== "object" || value === null) return [];
  return [value, ...Object.values(value).flatMap(objectsIn)];
}

const inherits = (object: object) => !Array.isArray(object) && "toString" in object;

/** Numbers that look random and are the same in every run: xorshift32. */
function numbersFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const oddStrings = [
  "",
  "a",
  "<&>",
  "\\<",
  '"',
  "é😀",
  "\u2028",
  "\u001b",
  "\ud800",
  "7",
  "__proto__",
];
const numbers = [0, -1, 65535, 2 ** 53 - 1, 2 ** 53, 1.5, 1e21, -1e-7];

function makeValue(next: (below: number) => number, depth: number): unknown {
  const pick = <Item>(items: readonly Item[]) => items[next(items.length)];
  const kind = next(depth > 3 ? 3 : 6);
  if (kind === 0) return pick([true, false, ...(next(9) === 0 ? [null] : [])]);
  if (kind === 1) return next(9) === 0 ? pick(numbers) : next(1000);
  if (kind === 2) return pick(oddStrings);
  const items = Array.from({ length: next(5) }, () => makeValue(next, depth + 1));
  if (kind === 3) return items;
  const names = items.map((_, index) => `${pick(oddStrings)}${next(4) === 0 ? "" : index}`);
  return Object.fromEntries(names.map((name, index) => [name, items[index]]));
}

const asGo = (text: string) =>
  text.replace(/[<>&]/g, (found) => `\\u00${found.charCodeAt(0).toString(16)}`);

const spellings: Readonly<Record<string, (value: unknown) => string>> = {
  "in one line": (value) => JSON.stringify(value),
  "in lines": (value) => JSON.stringify(value, null, 2),
  "with tabs and a last line break": (value) => `${JSON.stringify(value, null, "\t")}\n`,
  "by Go": (value) => asGo(JSON.stringify(value)),
  "by Go, in lines": (value) => asGo(JSON.stringify(value, null, "\t")),
};

describe.each(Object.entries(spellings))("spelled %s", (_, spell) => {
  test("documents are what our own reader reads", () => {
    const next = numbersFrom(20_26);
    let taken = 0;
    for (let count = 0; count < 2000; count++) {
      const text = spell({ document: makeValue(next, 0) });
      if (readCanonicalJson(text, maxJsonDepth) !== undefined) taken++;
      expect(readJson(text)).toEqual(readWithCare(text));
    }
    expect(taken).toBeGreaterThan(1000);
  });

  test("a document as callers write them is read at once, and nothing in it inherits", () => {
    const text = spell({
      process: { args: ["sh", "-c", "a && b <c >d"], rlimits: [{ soft: 1024 }] },
      linux: { namespaces: [{ type: "pid" }], resources: {} },
      mounts: [],
      ["__proto__"]: { constructor: true },
    });
    const document = readCanonicalJson(text, maxJsonDepth);

    expect(document?.members).toBe(11);
    expect(objectsIn(document?.value).filter(inherits)).toEqual([]);
    expect({ ...document, duplicates: [] }).toEqual(readWithCare(text));
  });
});

const nested = (depth: number, open: string, close: string) =>
  `${open.repeat(depth - 1)}[]${close.repeat(depth - 1)}`;

describe("what only our own reader can tell is left to it", () => {
  test.each([
    '{"a":1,"a":1}',
    '{"a":1,"\\u0061":2}',
    '{"b":[{"c":1,"c":2}]}',
    '{"a":null}',
    "[null]",
    '{"a":1.5}',
    '{"a":1.0}',
    '{"a":1e+21}',
    '{"a":-0}',
    '{"a":9007199254740992}',
    '{"a":9007199254740993}',
    '{"a":18446744073709551615}',
    '{"a": 1}',
    '{"a":1} ',
    '{"a":1}\n\n',
    '{\n"a":1\n}',
    '{\n  "a": 1, "b": 2\n}',
    '{"a":"\\/"}',
    '{"a":"\\u00e9"}',
    '{"b":1,"1":2}',
    "\ufeff{}",
    "{",
    "1",
    "null",
    "",
  ])("%j", (text) => {
    expect(readCanonicalJson(text, maxJsonDepth)).toBeUndefined();
    expect(outcomeOf(() => readJson(text))).toEqual(outcomeOf(() => readWithCare(text)));
  });

  test.each([maxJsonDepth + 1, 20_000])("%i levels of nesting", (depth) => {
    for (const text of [nested(depth, "[", "]"), nested(depth, '{"a":', "}")]) {
      expect(readCanonicalJson(text, maxJsonDepth)).toBeUndefined();
      expect(outcomeOf(() => readJson(text))).toEqual(outcomeOf(() => readWithCare(text)));
    }
  });

  test("and not what is nested as deep as allowed", () => {
    const text = nested(maxJsonDepth, "[", "]");

    expect(readCanonicalJson(text, maxJsonDepth)).toEqual({
      value: JSON.parse(text),
      members: 0,
    });
  });
});
