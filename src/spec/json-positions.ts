import { type JsonOffsets, type JsonValue, readJson } from "./json";
import { pointerSteps } from "./json-pointer";
import { correctLetterCase } from "./letter-case";

/** A place in a text; both count from 1, columns in UTF-16 units as editors do. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Line and column of UTF-16 offsets of one text; asking in any order is cheap. */
export class LineIndex {
  readonly #lineStarts: number[] = [0];

  constructor(text: string) {
    for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1))
      this.#lineStarts.push(at + 1);
  }

  positionOf(offset: number): Position {
    let low = 0;
    let high = this.#lineStarts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((this.#lineStarts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return { line: low + 1, column: offset - (this.#lineStarts[low] ?? 0) + 1 };
  }
}

/**
 * A JSON text read a second time, with positions. Only what has something to report pays for this: the
 * first reading keeps none.
 */
export class LocatedJson {
  readonly value: JsonValue;
  readonly lines: LineIndex;
  readonly #text: string;
  readonly #offsets: JsonOffsets = new Map();
  readonly #rootOffset: number;

  /** `text` was read once, so it is known to be JSON. */
  constructor(
    text: string,
    /** `type`: of the specification's objects, if the document is one. */
    { type, ...options }: { readonly dropNullMembers: boolean; readonly type?: string },
  ) {
    this.value = readJson(text, { ...options, offsets: this.#offsets }).value;
    if (type !== undefined) correctLetterCase(this.value, type, this.#offsets);
    this.lines = new LineIndex(text);
    this.#text = text;
    this.#rootOffset = text.search(/[^\s]/);
  }

  /** Where the value behind `pointer` starts, or the innermost value on the way to it. */
  offsetOf(pointer: string): number {
    let offset = this.#rootOffset;
    let value: JsonValue | undefined = this.value;
    for (const step of pointerSteps(pointer)) {
      if (typeof value !== "object" || value === null) break;
      const key: string | number = Array.isArray(value) ? Number(step) : step;
      const next = this.#offsets.get(value)?.get(key);
      if (next === undefined) break;
      offset = next;
      value = (value as Readonly<Record<string | number, JsonValue>>)[key];
    }
    return offset;
  }

  positionOf(pointer: string): Position {
    return this.lines.positionOf(this.offsetOf(pointer));
  }

  /** The value behind `pointer`, if there is one. */
  valueAt(pointer: string): JsonValue | undefined {
    let value: JsonValue | undefined = this.value;
    for (const step of pointerSteps(pointer)) {
      if (typeof value !== "object" || value === null) return undefined;
      value = (value as Readonly<Record<string, JsonValue>>)[step];
    }
    return value;
  }

  /** The number at `pointer` as the text spells it. */
  numberTextAt(pointer: string): string {
    return (
      /^[-+.\w]+/.exec(
        this.#text.slice(this.offsetOf(pointer), this.offsetOf(pointer) + 64),
      )?.[0] ?? ""
    );
  }
}
