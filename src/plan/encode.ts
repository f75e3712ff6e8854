import {
  type FieldType,
  type Layout,
  type Message,
  messageLayouts,
  planLayoutHash,
  planMagic,
  type Step,
  stepLayouts,
} from "../generated/plan";

/** What init reads: little-endian, lengths first, everything at a multiple of four (native/wire/reader.h). */

const traceFlag = 1;

/** Collects bytes, growing as it must. */
class ByteWriter {
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
    if (value.includes("\0")) throw new TypeError(`a string of the plan has a NUL: ${JSON.stringify(value)}`);
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
const decoder = new TextDecoder();

type Fields = Readonly<Record<string, unknown>>;

/** The types of the fields are what the generated interfaces say; `as` stands next to the table that they come from. */
const writers: Readonly<Record<FieldType, (writer: ByteWriter, value: unknown) => void>> = {
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

function writeFields(writer: ByteWriter, layout: Layout, fields: Fields): void {
  for (const [name, type] of layout.fields) writers[type](writer, fields[name]);
}

/** The same for a step, whose descriptors become the numbers that init has. */
function writeStepFields(writer: ByteWriter, layout: Layout, fields: Fields, fds: readonly number[]): void {
  for (const [name, type] of layout.fields) {
    const value = fields[name];
    if (type === "i32" && name.endsWith("Fd")) {
      const index = value as number;
      writer.i32(index < 0 ? -1 : (fds[index] ?? -1));
    } else if (type === "numbers" && name.endsWith("Fds")) {
      const indexes = value as readonly number[];
      writers.numbers(writer, indexes.map((index) => fds[index] ?? -1));
    } else {
      writers[type](writer, value);
    }
  }
}

export interface EncodeOptions {
  readonly linkFd: number;
  /** What a step's descriptor stands for: the numbers of the descriptors that the plan asked for. */
  readonly fds: readonly number[];
  readonly trace: boolean;
}

export function encodePlan(steps: readonly Step[], options: EncodeOptions): Uint8Array {
  const writer = new ByteWriter();
  writer.raw(encoder.encode(planMagic));
  writer.u32(planLayoutHash);
  writer.u32(0);
  writer.u32(steps.length);
  writer.u32(options.trace ? traceFlag : 0);
  writer.i32(options.linkFd);
  writer.u32(0);
  for (const step of steps) {
    const layout = stepLayouts[step.op];
    writer.u32(layout.code);
    const measure = writer.beginMeasured();
    writeStepFields(writer, layout, step as unknown as Fields, options.fds);
    writer.endMeasured(measure);
  }
  const bytes = writer.finish();
  writer.patchU32(planMagic.length + 4, bytes.length);
  return bytes;
}

export function encodeMessage(message: Message): Uint8Array {
  const writer = new ByteWriter();
  const layout = messageLayouts[message.kind];
  writer.u32(layout.code);
  writeFields(writer, layout, { ...message });
  return writer.finish();
}

const messageKinds = Object.keys(messageLayouts) as readonly Message["kind"][];

/** Reads a message of init. Throws a RangeError or TypeError when it is none: init is ours, so that is our bug. */
export function decodeMessage(bytes: Uint8Array): Message {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const code = view.getUint32(0, true);
  const kind = messageKinds.find((name) => messageLayouts[name].code === code);
  if (kind === undefined) throw new TypeError(`message of unknown code ${code}`);
  let offset = 4;
  const fields: Record<string, unknown> = { kind };
  for (const [name, type] of messageLayouts[kind].fields) {
    const length = view.getUint32(offset, true);
    offset += 4;
    if (type === "u32") {
      fields[name] = length;
      continue;
    }
    const blob = bytes.subarray(offset, offset + length);
    if (blob.length !== length) throw new RangeError(`message "${kind}" is cut in "${name}"`);
    fields[name] = type === "string" ? decoder.decode(blob.subarray(0, length - 1)) : blob;
    offset += (length + 3) & ~3;
  }
  return fields as unknown as Message;
}

