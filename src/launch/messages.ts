import { type Message, messageLayouts } from "../generated/messages";
import { ByteWriter, writeFields } from "../plan/byte-writer";

const decoder = new TextDecoder();

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
