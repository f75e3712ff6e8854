import { JsonSyntaxError, type JsonValue, maxJsonDepth, readJson } from "./json";
import { LocatedJson } from "./json-positions";

function syntaxErrorOf(text: string): JsonSyntaxError {
  try {
    readJson(text);
  } catch (error) {
    if (error instanceof JsonSyntaxError) return error;
    throw error;
  }
  throw new Error(`${JSON.stringify(text)} was taken for JSON`);
}

const parse = (text: string): JsonValue => readJson(text).value;

const member = (value: JsonValue, name: string) =>
  (value as { readonly [key: string]: JsonValue })[name];

describe("numbers are exact", () => {
  const integers: readonly (readonly [text: string, value: number | bigint])[] = [
    ["0", 0],
    ["-0", 0],
    ["-1", -1],
    ["2147483648", 2 ** 31],
    ["4294967295", 2 ** 32 - 1],
    ["9007199254740991", Number.MAX_SAFE_INTEGER],
    ["-9007199254740991", Number.MIN_SAFE_INTEGER],
    ["9007199254740992", 2n ** 53n],
    ["9007199254740993", 2n ** 53n + 1n],
    ["-9007199254740993", -(2n ** 53n) - 1n],
    ["9223372036854775807", 2n ** 63n - 1n],
    ["-9223372036854775808", -(2n ** 63n)],
    ["18446744073709551615", 2n ** 64n - 1n],
    ["18446744073709551616", 2n ** 64n],
  ];

  test.each(integers)("%s keeps its value", (text, value) => {
    expect(parse(text)).toBe(value);
  });

  test.each(["1.0", "1.5", "1e3", "1E+3", "-0.0", "1e400", "9".repeat(33)])(
    "%s is no integer",
    (text) => {
      expect(parse(text)).toBeNaN();
    },
  );

  test.each(["01", "-", "+1", "1.", ".5", "1e", "0x10", "NaN", "Infinity", "-Infinity", "1_000"])(
    "%s is no JSON",
    (text) => {
      expect(syntaxErrorOf(text).message).toMatch(/^has |^ends /);
    },
  );
});

describe("objects", () => {
  test("names of Object.prototype are ordinary names", () => {
    const value = parse('{"__proto__": {"polluted": 1}, "constructor": 2, "hasOwnProperty": 3}');
    expect(Object.keys(value as object)).toEqual(["__proto__", "constructor", "hasOwnProperty"]);
    expect(member(parse("{}"), "constructor")).toBeUndefined();
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });

  test("every duplicate name is reported, with where it stands", () => {
    const { duplicates, value } = readJson('{"a": 1, "b": [{"c": 1, "c": 2}], "a": 3}');
    expect(duplicates).toEqual([
      { pointer: "/b/0/c", offset: 24 },
      { pointer: "/a", offset: 34 },
    ]);
    expect(member(value, "a")).toBe(1);
  });

  test("names that differ in spelling only are duplicates all the same", () => {
    expect(readJson('{"a": 1, "\\u0061": 2}').duplicates).toHaveLength(1);
  });

  test("null members can be left out, and still count as duplicates", () => {
    const { value, duplicates } = readJson('{"a": null, "b": [null], "a": 1}', {
      dropNullMembers: true,
    });
    expect(Object.keys(value as object)).toEqual(["b"]);
    expect(member(value, "b")).toEqual([null]);
    expect(duplicates).toEqual([{ pointer: "/a", offset: 25 }]);
  });
});

describe("strings", () => {
  const strings: readonly (readonly [text: string, value: string])[] = [
    ['""', ""],
    ['"a\\"b\\\\c\\/d"', 'a"b\\c/d'],
    ['"\\b\\f\\n\\r\\t"', "\b\f\n\r\t"],
    ['"\\u00e9\\uD83D\\ude00"', "é😀"],
    ['"\\u0000"', "\0"],
    ['"\\ud800"', "\ud800"],
    ['"\u007f\u0085\u2028é😀"', "\u007f\u0085\u2028é😀"],
  ];

  test.each(strings)("%s", (text, value) => {
    expect(parse(text)).toBe(value);
  });

  const broken: readonly (readonly [text: string, message: string])[] = [
    ['"a', "ends within a string"],
    ['"a\\', 'has the escape "\\\\" in a string, which JSON does not know'],
    ['"a\\"', "ends within a string"],
    ['"\\x41"', 'has the escape "\\\\x" in a string, which JSON does not know'],
    ['"\\u12g4"', 'has the escape "\\\\u" in a string, which JSON does not know'],
    ['"a\nb"', "has the control character U+000A in a string, which must be escaped"],
    ['"\u0000"', "has the control character U+0000 in a string, which must be escaped"],
  ];

  test.each(broken)("%j is refused", (text, message) => {
    expect(syntaxErrorOf(text).message).toBe(message);
  });
});

describe("what is not JSON is refused where it begins", () => {
  const broken: readonly (readonly [text: string, message: string, offset: number])[] = [
    ["", "is empty, and must hold a JSON document", 0],
    [" \n", "is empty, and must hold a JSON document", 2],
    ["\ufeff{}", "begins with a byte order mark, and must not", 0],
    ["{", 'ends where a name in double quotes or "}" was expected', 1],
    ['{"a"', 'ends where ":" was expected', 4],
    ['{"a":', "ends where a value was expected", 5],
    ['{"a":1', 'ends where "," or "}" was expected', 6],
    ["[1", 'ends where "," or "]" was expected', 2],
    ["[1,]", 'has "]" where a value was expected', 3],
    ['{"a":1,}', 'has "}" where a name in double quotes or "}" was expected', 7],
    ["{a:1}", 'has "a" where a name in double quotes or "}" was expected', 1],
    ["{'a':1}", 'has "\'" where a name in double quotes or "}" was expected', 1],
    ["{}{}", 'has "{" where nothing after the document was expected', 2],
    ["{} // note", 'has "/" where nothing after the document was expected', 3],
    ["/* note */ {}", 'has "/" where a value was expected', 0],
    ["nul", 'has "n" where a value was expected', 0],
    ["[\u00a01]", 'has "\u00a0" where a value was expected', 1],
    ["[\u0000]", "has the control character U+0000 where a value was expected", 1],
    ["{]", 'has "]" where a name in double quotes or "}" was expected', 1],
  ];

  test.each(broken)("%j", (text, message, offset) => {
    expect(syntaxErrorOf(text)).toMatchObject({ message, offset });
  });

  test("no prefix of a document is a document", () => {
    const text = '{"a": [1, -2.5e3, "x\\u0041", true, false, null], "b": {"c": "d"}}';
    for (let length = 0; length < text.length; length++) {
      expect(syntaxErrorOf(text.slice(0, length)).offset).toBeLessThanOrEqual(length);
    }
  });
});

describe("nesting", () => {
  const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);

  test("as deep as allowed is read", () => {
    expect(Array.isArray(parse(nested(maxJsonDepth)))).toBe(true);
  });

  test.each([maxJsonDepth + 1, 20_000])(
    "%i levels are refused without exhausting the stack",
    (depth) => {
      expect(syntaxErrorOf(nested(depth))).toMatchObject({
        message: "is nested more than 128 levels deep",
        offset: maxJsonDepth,
      });
      expect(syntaxErrorOf('{"a":'.repeat(depth)).message).toBe(
        "is nested more than 128 levels deep",
      );
    },
  );
});

describe("positions", () => {
  const document = new LocatedJson('\n{\n  "a": [1,\n    {"b/c~d": "é", "😀": 12.50}\n  ]\n}', {
    dropNullMembers: true,
  });

  test.each([
    ["", 2, 1],
    ["/a", 3, 8],
    ["/a/0", 3, 9],
    ["/a/1", 4, 5],
    ["/a/1/b~1c~0d", 4, 15],
    ["/a/1/😀", 4, 26],
    // What is not there stands where its holder does.
    ["/a/1/missing", 4, 5],
    ["/a/7", 3, 8],
  ])("%s", (pointer, line, column) => {
    expect(document.positionOf(pointer)).toEqual({ line, column });
  });

  test("values and the spelling of numbers are found again", () => {
    expect(document.valueAt("/a/1/b~1c~0d")).toBe("é");
    expect(document.valueAt("/a/1/missing")).toBeUndefined();
    expect(document.numberTextAt("/a/1/😀")).toBe("12.50");
  });
});
