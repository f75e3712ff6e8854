import { noPrototype, readCanonicalJson } from "./canonical-json";
import { escapePointerStep } from "./json-pointer";

/**
 * A strict JSON reader. JSON.parse is not enough for us: it rounds 64-bit integers, keeps the last of
 * duplicate names in silence, takes `1.0` for an integer, lets `__proto__` reach a prototype, and knows
 * no positions. canonical-json.ts takes it for texts with which it does none of that.
 */

export type JsonValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly JsonValue[]
  | JsonObject;

export interface JsonObject {
  readonly [name: string]: JsonValue;
}

/** Nesting beyond this is refused; the deepest value that config.json defines stands at 7. */
export const maxJsonDepth = 128;

/** An integer of more digits than this fits no type of the kernel, and is not worth a bigint. */
const maxIntegerDigits = 32;

/** Text that is not JSON; `offset` counts UTF-16 units from the start. */
export class JsonSyntaxError extends Error {
  override readonly name = "JsonSyntaxError";
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

/** A name that an object carries more than once. The first of them counts. */
export interface DuplicateName {
  readonly pointer: string;
  readonly offset: number;
}

/** Where each value of a document stands in its text, by the object or array that holds it. */
export type JsonOffsets = Map<object, Map<string | number, number>>;

export interface JsonReadOptions {
  /** Leave out members whose value is null, as if they were absent. */
  readonly dropNullMembers?: boolean;
  /** Filled with the offset of every value. */
  readonly offsets?: JsonOffsets;
}

export interface JsonDocument {
  readonly value: JsonValue;
  readonly duplicates: readonly DuplicateName[];
  /** How many members all its objects have together. */
  readonly members: number;
}

/**
 * Reads one JSON text. A number is a `number` where that is exact and a `bigint` beyond; a number with a
 * fraction or an exponent is NaN, which no integer type takes: whoever wants to show it has its offset.
 * Objects inherit nothing, so `__proto__` and `constructor` are names as all others.
 */
export function readJson(text: string, options: JsonReadOptions = {}): JsonDocument {
  const canonical =
    options.offsets === undefined ? readCanonicalJson(text, maxJsonDepth) : undefined;
  if (canonical !== undefined) return { ...canonical, duplicates: [] };
  const reader = new JsonReader(text, options);
  return { value: reader.readDocument(), duplicates: reader.duplicates, members: reader.members };
}

const Space = 0x20;
const Tab = 0x09;
const LineFeed = 0x0a;
const CarriageReturn = 0x0d;
const Quote = 0x22;
const Comma = 0x2c;
const Minus = 0x2d;
const Zero = 0x30;
const Nine = 0x39;
const Colon = 0x3a;
const OpenBracket = 0x5b;
const Backslash = 0x5c;
const CloseBracket = 0x5d;
const LetterF = 0x66;
const LetterN = 0x6e;
const LetterT = 0x74;
const OpenBrace = 0x7b;
const CloseBrace = 0x7d;

const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

// An object made by a constructor whose prototype is empty inherits nothing, and unlike one of
// Object.create(null) it keeps the engine's fast layout.
function NoPrototype() {}
NoPrototype.prototype = noPrototype;
const EmptyObject = NoPrototype as unknown as new () => Record<string, JsonValue>;

/** What a string may hold that does not stand for itself: an escape, or a character that must be one. */
const needsCare = /[^ -[\]-\uffff]/;

const isDigit = (code: number) => code >= Zero && code <= Nine;

class JsonReader {
  readonly duplicates: DuplicateName[] = [];
  members = 0;
  readonly #text: string;
  readonly #dropNullMembers: boolean;
  readonly #offsets: JsonOffsets | undefined;
  /** The names and indices that lead to the value being read; only the first #depth count. */
  readonly #path: (string | number)[] = [];
  #depth = 0;
  #at = 0;

  constructor(text: string, options: JsonReadOptions) {
    this.#text = text;
    this.#dropNullMembers = options.dropNullMembers ?? false;
    this.#offsets = options.offsets;
  }

  readDocument(): JsonValue {
    if (this.#text.charCodeAt(0) === 0xfeff)
      throw this.#error("begins with a byte order mark, and must not");
    this.#skipSpace();
    if (this.#at === this.#text.length)
      throw this.#error("is empty, and must hold a JSON document");
    const value = this.#readValue();
    this.#skipSpace();
    if (this.#at < this.#text.length) throw this.#unexpected("nothing after the document");
    return value;
  }

  #readValue(): JsonValue {
    const code = this.#text.charCodeAt(this.#at);
    if (code === Quote) return this.#readString();
    if (code === OpenBrace) return this.#nested(this.#readObject);
    if (code === OpenBracket) return this.#nested(this.#readArray);
    if (code === Minus || isDigit(code)) return this.#readNumber();
    if (code === LetterN) return this.#readWord("null", null);
    if (code === LetterT) return this.#readWord("true", true);
    if (code === LetterF) return this.#readWord("false", false);
    throw this.#unexpected("a value");
  }

  #readWord<Value>(word: string, value: Value): Value {
    if (!this.#text.startsWith(word, this.#at)) throw this.#unexpected("a value");
    this.#at += word.length;
    return value;
  }

  #nested(read: () => JsonValue): JsonValue {
    if (this.#depth === maxJsonDepth)
      throw this.#error(`is nested more than ${maxJsonDepth} levels deep`);
    this.#depth++;
    this.#at++;
    this.#skipSpace();
    const value = read.call(this);
    this.#depth--;
    return value;
  }

  #readObject(): JsonObject {
    const object = new EmptyObject();
    const offsets = this.#offsetsOf(object);
    let nullNames: string[] | undefined;
    if (this.#skip(CloseBrace)) return object;
    do {
      this.#skipSpace();
      const nameAt = this.#at;
      if (this.#text.charCodeAt(nameAt) !== Quote)
        throw this.#unexpected('a name in double quotes or "}"');
      const name = this.#readString();
      this.#skipSpace();
      if (!this.#skip(Colon)) throw this.#unexpected('":"');
      this.#skipSpace();
      this.#path[this.#depth - 1] = name;
      const valueAt = this.#at;
      const value = this.#readValue();
      if (name in object) {
        this.duplicates.push({ pointer: this.#pointer(), offset: nameAt });
      } else {
        object[name] = value;
        this.members++;
        offsets?.set(name, valueAt);
        if (value === null && this.#dropNullMembers) {
          nullNames ??= [];
          nullNames.push(name);
        }
      }
      this.#skipSpace();
    } while (this.#skip(Comma));
    if (!this.#skip(CloseBrace)) throw this.#unexpected('"," or "}"');
    // Only now, so that a second member of the name still counts as a duplicate.
    for (const name of nullNames ?? []) {
      delete object[name];
      this.members--;
    }
    return object;
  }

  #readArray(): readonly JsonValue[] {
    const array: JsonValue[] = [];
    const offsets = this.#offsetsOf(array);
    if (this.#skip(CloseBracket)) return array;
    do {
      this.#skipSpace();
      this.#path[this.#depth - 1] = array.length;
      offsets?.set(array.length, this.#at);
      array.push(this.#readValue());
      this.#skipSpace();
    } while (this.#skip(Comma));
    if (!this.#skip(CloseBracket)) throw this.#unexpected('"," or "]"');
    return array;
  }

  #readString(): string {
    const start = this.#at + 1;
    // Two searches of the engine's own cost less than a loop that it has yet to compile.
    const end = this.#text.indexOf('"', start);
    const plain = this.#text.slice(start, end === -1 ? undefined : end);
    if (end === -1 || needsCare.test(plain)) {
      this.#at = start;
      return this.#readStringWithCare();
    }
    this.#at = end + 1;
    return plain;
  }

  #readStringWithCare(): string {
    let result = "";
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code === Quote) {
        this.#at++;
        return result;
      }
      if (Number.isNaN(code)) throw this.#error("ends within a string");
      if (code < Space) {
        throw this.#error(
          `has the control character ${hex(code)} in a string, which must be escaped`,
        );
      }
      if (code === Backslash) result += this.#readEscape();
      else result += this.#text[this.#at++];
    }
  }

  #readEscape(): string {
    const letter = this.#text[this.#at + 1] ?? "";
    const plain = escapes[letter];
    if (plain !== undefined) {
      this.#at += 2;
      return plain;
    }
    const digits = this.#text.slice(this.#at + 2, this.#at + 6);
    if (letter !== "u" || !/^[0-9a-fA-F]{4}$/.test(digits)) {
      throw this.#error(
        `has the escape ${JSON.stringify(`\\${letter}`)} in a string, which JSON does not know`,
      );
    }
    this.#at += 6;
    return String.fromCharCode(Number.parseInt(digits, 16));
  }

  #readNumber(): number | bigint {
    const start = this.#at;
    const negative = this.#skip(Minus);
    const digitsAt = this.#at;
    this.#skipDigits();
    if (this.#text.charCodeAt(digitsAt) === Zero && this.#at > digitsAt + 1) {
      this.#at = digitsAt + 1;
      throw this.#unexpected("no digit after a leading zero");
    }
    const digits = this.#at - digitsAt;
    if (this.#skipFraction() || digits > maxIntegerDigits) return Number.NaN;
    const decimal = this.#text.slice(start, this.#at);
    if (digits <= 15) return negative && digits === 1 && decimal === "-0" ? 0 : Number(decimal);
    const value = BigInt(decimal);
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }

  #skipDigits(): void {
    const start = this.#at;
    while (isDigit(this.#text.charCodeAt(this.#at))) this.#at++;
    if (this.#at === start) throw this.#unexpected("a digit");
  }

  #skipFraction(): boolean {
    const start = this.#at;
    if (this.#text[this.#at] === ".") {
      this.#at++;
      this.#skipDigits();
    }
    if (this.#text[this.#at] === "e" || this.#text[this.#at] === "E") {
      this.#at++;
      if (this.#text[this.#at] === "+" || this.#text[this.#at] === "-") this.#at++;
      this.#skipDigits();
    }
    return this.#at > start;
  }

  #skipSpace(): void {
    const text = this.#text;
    let at = this.#at;
    let code = text.charCodeAt(at);
    while (
      code <= Space &&
      (code === Space || code === LineFeed || code === CarriageReturn || code === Tab)
    ) {
      code = text.charCodeAt(++at);
    }
    this.#at = at;
  }

  #skip(code: number): boolean {
    if (this.#text.charCodeAt(this.#at) !== code) return false;
    this.#at++;
    return true;
  }

  #offsetsOf(container: object): Map<string | number, number> | undefined {
    if (this.#offsets === undefined) return undefined;
    const offsets = new Map<string | number, number>();
    this.#offsets.set(container, offsets);
    return offsets;
  }

  #pointer(): string {
    return this.#path
      .slice(0, this.#depth)
      .map((step) => `/${escapePointerStep(String(step))}`)
      .join("");
  }

  #unexpected(expected: string): JsonSyntaxError {
    const found = this.#text.codePointAt(this.#at);
    if (found === undefined) return this.#error(`ends where ${expected} was expected`);
    const shown =
      found < Space
        ? `the control character ${hex(found)}`
        : JSON.stringify(String.fromCodePoint(found));
    return this.#error(`has ${shown} where ${expected} was expected`);
  }

  #error(message: string): JsonSyntaxError {
    return new JsonSyntaxError(message, this.#at);
  }
}

const hex = (code: number) => `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
