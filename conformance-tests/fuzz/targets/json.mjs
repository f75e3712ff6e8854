// The exact reader of JSON next to JSON.parse, which it differs from only where it has to; and next to itself,
// which reads canonical texts by JSON.parse.
import fc from "fast-check";
import { assertSame, load } from "../driver.mjs";
import { spelled, spelling } from "../from-schema.mjs";

const { readJson, JsonSyntaxError, maxJsonDepth } = load("spec/json");
const { exactJson } = load("spec/exact-json");

function parsed(text) {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

function read(text, options) {
  try {
    return readJson(text, options);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    if (!(error.offset >= 0 && error.offset <= text.length)) throw error;
    return undefined;
  }
}

/** What JSON.parse takes and this reader does not: more than anybody means. */
const isTooMuch = (text) => depthOf(text) > maxJsonDepth || /\d{33}/.test(text);

function depthOf(text) {
  let depth = 0;
  let deepest = 0;
  for (const bracket of text.replace(/"(?:[^"\\]|\\.)*"/gs, "").matchAll(/[[\]{}]/g)) {
    depth += "[{".includes(bracket[0]) ? 1 : -1;
    deepest = Math.max(deepest, depth);
  }
  return deepest;
}

/** Ours as JSON.parse would have it: rounded. NaN stands for a number that is no integer. */
function assertMeansSame(ours, theirs, where = "") {
  if (typeof ours === "number" && Number.isNaN(ours)) {
    if (typeof theirs !== "number") throw new Error(`${where} is a number to us alone`);
  } else if (typeof ours === "bigint" || typeof ours === "number") {
    if (Number(ours) !== theirs) throw new Error(`${where} is ${ours}, expected ${theirs}`);
  } else if (typeof ours === "object" && ours !== null) {
    assertSame(`names at "${where}"`, Object.keys(ours).sort(), Object.keys(theirs ?? "").sort());
    for (const name of Object.keys(ours))
      assertMeansSame(ours[name], theirs[name], `${where}/${name}`);
  } else if (ours !== theirs) {
    throw new Error(`${where} is ${JSON.stringify(ours)}, expected ${JSON.stringify(theirs)}`);
  }
}

function check(bytes) {
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  const theirs = parsed(text);
  const ours = read(text, {});
  if (ours === undefined) {
    if (theirs !== undefined && !isTooMuch(text)) throw new Error("refused, and is JSON");
    return;
  }
  if (theirs === undefined) throw new Error("taken, and is no JSON");
  if (ours.duplicates.length === 0) assertMeansSame(ours.value, theirs.value);
  // Who asks for offsets gets the reader that is wholly ours.
  const exact = read(text, { offsets: new Map() });
  assertSame("the exact reading", exact?.value, ours.value);
  assertSame("its members", exact?.members, ours.members);
  const dropped = read(text, { dropNullMembers: true });
  assertSame("duplicates without nulls", dropped?.duplicates, ours.duplicates);
}

const numbers = fc.oneof(fc.maxSafeInteger(), fc.bigInt({ min: -(2n ** 65n), max: 2n ** 65n }));
const { document } = fc.letrec((tie) => ({
  document: fc.oneof(
    { maxDepth: 6, withCrossShrink: true },
    numbers,
    fc.string({ unit: "binary", maxLength: 8 }),
    fc.constantFrom(null, true, false, "", "<&>", "__proto__", "\u2028", "\ud800"),
    fc.array(tie("document"), { maxLength: 4 }),
    fc.dictionary(fc.string({ maxLength: 6 }), tie("document"), { maxKeys: 4 }),
  ),
}));

export const target = {
  check,
  words: [
    ...['"a":1,"a":2', "[[[[", "]]]]", "{}", '{"__proto__":{}}', "\\u0000", "\\ud83d\\ude00", "-0"],
    ...[
      "1.0",
      "1e0",
      "01",
      "9007199254740993",
      "99999999999999999999999999999999999",
      "\n  ",
      "\t",
    ],
    ...[
      "\\u003c",
      "<",
      "nul",
      "null",
      "true",
      "tru",
      "\ufeff",
      "//",
      ",]",
      ",}",
      '"\\x"',
      "\u2028",
    ],
  ],
  values: fc.tuple(document, spelling),
  // As bytes, as a file has it: half a surrogate pair is another letter then.
  checkValue: ([value, how]) => {
    check(Buffer.from(spelled(value, how)));
    check(Buffer.from(JSON.stringify(JSON.parse(exactJson(value)), undefined, 2)));
  },
};
