import type { DbusValue, DbusVariant } from "../../addon/bindings";

/** What is not GVariant text, and where. */
export class GVariantError extends Error {}

/** The words that may stand before a value, and their types in D-Bus. */
const typeOfWord = new Map(
  Object.entries({
    boolean: "b",
    byte: "y",
    int16: "n",
    uint16: "q",
    int32: "i",
    uint32: "u",
    handle: "h",
    int64: "x",
    uint64: "t",
    double: "d",
    string: "s",
    objectpath: "o",
    signature: "g",
  }),
);

const rangeOfType = new Map<string, readonly [bigint, bigint]>(
  Object.entries({
    y: [0n, 2n ** 8n - 1n],
    n: [-(2n ** 15n), 2n ** 15n - 1n],
    q: [0n, 2n ** 16n - 1n],
    i: [-(2n ** 31n), 2n ** 31n - 1n],
    u: [0n, 2n ** 32n - 1n],
    x: [-(2n ** 63n), 2n ** 63n - 1n],
    t: [0n, 2n ** 64n - 1n],
  }),
);

/** D-Bus has 32 arrays and 32 tuples in each other at most, and each may have a word before it. */
const mostDepth = 128;

/**
 * Reads the text form of GVariant, as far as properties of units need it: strings, booleans, numbers, arrays
 * and tuples, with a type before them, as a word ("uint64 45") or after "@" ("@as []"). Throws GVariantError.
 */
export function parseGVariant(text: string): DbusVariant {
  const parser = new Parser(text);
  const value = parser.value(undefined);
  parser.end();
  return value;
}

class Parser {
  private at = 0;
  private depth = 0;

  constructor(private readonly text: string) {}

  /** `wanted` is the type that what surrounds the value gives it. */
  value(wanted: string | undefined): DbusVariant {
    this.depth += 1;
    if (this.depth > mostDepth) this.fail(`at most ${mostDepth} values in each other`);
    const value = this.valueWithin(wanted);
    this.depth -= 1;
    return value;
  }

  private valueWithin(wanted: string | undefined): DbusVariant {
    const next = this.peek();
    if (next === "@") {
      const [, type = ""] = this.take(/@([a-z()]+)/y) ?? this.fail("a type");
      return this.value(type);
    }
    if (next === "'" || next === '"') return this.string(wanted ?? "s");
    if (next === "[") return this.array(wanted);
    if (next === "(") return this.tuple(wanted);
    const [word] = this.take(/[-+\w.]+/y) ?? this.fail("a value");
    if (word === "true" || word === "false") {
      if ((wanted ?? "b") !== "b") this.fail(`a value of the type "${wanted}"`);
      return { type: "b", value: word === "true" };
    }
    const type = typeOfWord.get(word);
    return type === undefined ? this.number(word, wanted) : this.value(type);
  }

  end(): void {
    if (this.peek() !== "") this.fail("the end");
  }

  private number(word: string, wanted: string | undefined): DbusVariant {
    const isInteger = /^[-+]?(?:0x[0-9a-f]+|\d+)$/i.test(word);
    const isNumber = isInteger || /^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i.test(word);
    if (!isNumber) this.fail("a value", word);
    const type = wanted ?? (isInteger ? "i" : "d");
    if (type === "d") return { type, value: Number(word) };
    const range = rangeOfType.get(type);
    if (range === undefined || !isInteger) this.fail(`a value of the type "${type}"`, word);
    const [, sign = "", digits = ""] = /^([-+]?)(.*)$/.exec(word) ?? [];
    const number = sign === "-" ? -BigInt(digits) : BigInt(digits);
    const [least, most] = range;
    if (number < least || number > most) this.fail(`a number from ${least} to ${most}`, word);
    return { type, value: number };
  }

  private string(type: string): DbusVariant {
    if (!"sog".includes(type)) this.fail(`a value of the type "${type}"`);
    const found = this.take(/'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"/sy);
    if (found === undefined) return this.fail("a string that ends");
    return { type, value: this.unescape(found[1] ?? found[2] ?? "") };
  }

  private unescape(text: string): string {
    const named: Readonly<Record<string, string>> = {
      a: "\x07",
      b: "\b",
      f: "\f",
      n: "\n",
      r: "\r",
      t: "\t",
      v: "\v",
    };
    return text.replace(/\\(u[0-9a-f]{4}|U[0-9a-f]{8}|.)/gis, (_, escaped: string) => {
      if (escaped.length === 1) return named[escaped] ?? escaped;
      const codePoint = Number.parseInt(escaped.slice(1), 16);
      if (codePoint > 0x10ffff) this.fail("a character", `\\${escaped}`);
      return String.fromCodePoint(codePoint);
    });
  }

  private array(wanted: string | undefined): DbusVariant {
    if (wanted !== undefined && !wanted.startsWith("a"))
      this.fail(`a value of the type "${wanted}"`);
    let element = wanted?.slice(1);
    const values: DbusValue[] = [];
    for (let closed = this.open("[", "]"); !closed; closed = this.separated("]")) {
      const item = this.value(element);
      element ??= item.type;
      values.push(item.value);
    }
    if (element === undefined) return this.fail("a type before the empty array");
    return { type: `a${element}`, value: values };
  }

  private tuple(wanted: string | undefined): DbusVariant {
    const members = wanted === undefined ? undefined : membersOf(wanted);
    const values: DbusVariant[] = [];
    for (let closed = this.open("(", ")"); !closed; closed = this.separated(")")) {
      values.push(this.value(members?.[values.length]));
    }
    const type = `(${values.map((item) => item.type).join("")})`;
    if (values.length === 0 || (wanted !== undefined && wanted !== type))
      this.fail(`a value of the type "${wanted}"`);
    return { type, value: values.map(({ value }) => value) };
  }

  /** Whether it is closed at once. */
  private open(opening: string, closing: string): boolean {
    this.skip(opening);
    return this.closes(closing);
  }

  /** After an item: whether that was the last. */
  private separated(closing: string): boolean {
    if (this.closes(closing)) return true;
    this.skip(",");
    return this.closes(closing);
  }

  private closes(closing: string): boolean {
    if (this.peek() !== closing) return false;
    this.at += 1;
    return true;
  }

  private skip(expected: string): void {
    if (this.peek() !== expected) this.fail(JSON.stringify(expected));
    this.at += 1;
  }

  private peek(): string {
    while (/\s/.test(this.text[this.at] ?? "")) this.at += 1;
    return this.text[this.at] ?? "";
  }

  private take(pattern: RegExp): RegExpExecArray | undefined {
    this.peek();
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found === null) return undefined;
    this.at = pattern.lastIndex;
    return found;
  }

  private fail(expected: string, found = this.text.slice(this.at)): never {
    throw new GVariantError(
      `expected ${expected}, found ${found === "" ? "the end" : JSON.stringify(found)}`,
    );
  }
}

/** The types inside a tuple's type. */
function membersOf(type: string): string[] {
  return type.slice(1, -1).match(/a*(?:\([^()]*\)|[a-z])/g) ?? [];
}
