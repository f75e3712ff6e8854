import type { FieldType, Layout } from "../generated/layout";

/** What native/wire/reader.h reads: little-endian, lengths first, everything at a multiple of four. */

/** Collects bytes, growing as it must. */
export class ByteWriter {
  private bytes = new Uint8Array(8 * 1024);
  private view = new DataView(this.bytes.buffer);
  private size = 0;

  u32(value: number): void {
    this.reserve(4);
    this.view.setUint32(this.size, value, true);
    this.size += 4;
  }

  i32(value: number): void {
    this.u32(value);
  }

  u64(value: bigint): void {
    this.reserve(8);
    this.view.setBigUint64(this.size, value, true);
    this.size += 8;
  }

  blob(value: Uint8Array): void {
    this.u32(value.length);
    this.reserve(value.length + 3);
    this.bytes.set(value, this.size);
    this.size += (value.length + 3) & ~3;
  }

  /** UTF-8 with a NUL behind it; a NUL inside would cut the string where the kernel reads it. */
  string(value: string): void {
    if (value.includes("\0"))
      throw new TypeError(`a string of the plan has a NUL: ${JSON.stringify(value)}`);
    // A UTF-16 unit takes three bytes at most.
    this.reserve(4 + value.length * 3 + 4);
    const { written } = encoder.encodeInto(value, this.bytes.subarray(this.size + 4));
    this.view.setUint32(this.size, written + 1, true);
    this.size += 4 + ((written + 1 + 3) & ~3);
  }

  /** Leaves room for the length of what comes up to `endMeasured`, which gets what this returns. */
  beginMeasured(): number {
    this.u32(0);
    return this.size;
  }

  endMeasured(begin: number): void {
    this.view.setUint32(begin - 4, this.size - begin, true);
  }

  patchU32(at: number, value: number): void {
    this.view.setUint32(at, value, true);
  }

  raw(value: Uint8Array): void {
    this.reserve(value.length);
    this.bytes.set(value, this.size);
    this.size += value.length;
  }

  finish(): Uint8Array {
    return this.bytes.subarray(0, this.size);
  }

  private reserve(count: number): void {
    if (this.size + count <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.size + count));
    grown.set(this.bytes.subarray(0, this.size));
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }
}

const encoder = new TextEncoder();

export type Fields = Readonly<Record<string, unknown>>;

/** The types of the fields are what the generated interfaces say; `as` stands next to the table that they come from. */
export const writers: Readonly<Record<FieldType, (writer: ByteWriter, value: unknown) => void>> = {
  u32: (writer, value) => writer.u32(value as number),
  i32: (writer, value) => writer.i32(value as number),
  u64: (writer, value) => writer.u64(value as bigint),
  string: (writer, value) => writer.string(value as string),
  bytes: (writer, value) => writer.blob(value as Uint8Array),
  strings: (writer, value) => {
    const items = value as readonly string[];
    writer.u32(items.length);
    const begin = writer.beginMeasured();
    for (const item of items) writer.string(item);
    writer.endMeasured(begin);
  },
  numbers: (writer, value) => {
    const begin = writer.beginMeasured();
    for (const item of value as readonly number[]) writer.u32(item);
    writer.endMeasured(begin);
  },
};

export function writeFields(writer: ByteWriter, layout: Layout, fields: Fields): void {
  for (const [name, type] of layout.fields) writers[type](writer, fields[name]);
}
