// Frames of ttrpc, however the stream is cut: what is read is what a reader of the whole stream finds.
import fc from "fast-check";
import { assertSame, load } from "../driver.mjs";

const { FrameReader, encodeFrame, headerBytes, maxPayloadBytes } = load("shim/ttrpc/frame");

/** All frames of a stream that is there at once. */
function framesOf(stream) {
  const frames = [];
  for (let at = 0; at + headerBytes <= stream.length; ) {
    const length = stream.readUInt32BE(at);
    const head = {
      streamId: stream.readUInt32BE(at + 4),
      type: stream[at + 8],
      flags: stream[at + 9],
    };
    at += headerBytes;
    if (length > maxPayloadBytes) {
      frames.push({ ...head, payloadBytes: length });
    } else if (at + length <= stream.length) {
      frames.push({ ...head, payload: stream.subarray(at, at + length).toString("hex") });
    }
    at += length;
  }
  return frames;
}

function read(stream, cuts) {
  const frames = [];
  const reader = new FrameReader({
    frame: ({ payload, ...head }) => frames.push({ ...head, payload: payload.toString("hex") }),
    oversized: (frame) => frames.push(frame),
  });
  let from = 0;
  for (const cut of [...cuts, stream.length]) {
    const to = Math.max(from, Math.min(cut, stream.length));
    reader.push(Buffer.from(stream.subarray(from, to)));
    from = to;
  }
  return frames;
}

function checkStream(stream, cuts) {
  assertSame("frames", read(stream, cuts), framesOf(stream));
}

/** The first bytes say where the rest is cut. */
function check(bytes) {
  const stream = bytes.subarray(4);
  const cuts = [...bytes.subarray(0, 4)].sort((one, other) => one - other);
  checkStream(stream, cuts);
  const bytewise = Array.from({ length: Math.min(stream.length, 200) }, (_, index) => index);
  checkStream(stream, bytewise);
}

const frame = fc
  .record({
    streamId: fc.nat({ max: 0xffffffff }),
    type: fc.nat({ max: 255 }),
    payload: fc.uint8Array({ maxLength: 300 }),
    length: fc.oneof(
      { weight: 8, arbitrary: fc.constant(undefined) },
      fc.constantFrom(0, 1, maxPayloadBytes, maxPayloadBytes + 1, 0x7fffffff, 0xffffffff),
    ),
  })
  .map(({ streamId, type, payload, length }) => {
    const bytes = encodeFrame(streamId, type, payload);
    if (length !== undefined) bytes.writeUInt32BE(length);
    return bytes;
  });

/** All of one that is too long: what follows it counts again. */
const oversized = fc.nat({ max: 300 }).map((more) => {
  const bytes = Buffer.alloc(headerBytes + maxPayloadBytes + 1 + more);
  bytes.writeUInt32BE(bytes.length - headerBytes);
  return bytes;
});

export const target = {
  check,
  words: ["\0\0\0\x01", "\0\0\0\0", "\0\x40\0\0", "\0\x40\0\x01", "\xff\xff\xff\xff"],
  seeds: () => [Buffer.concat([Buffer.alloc(4), encodeFrame(1, 1, Buffer.from("payload"))])],
  values: fc.tuple(
    fc.array(fc.oneof({ weight: 60, arbitrary: frame }, { weight: 1, arbitrary: oversized }), {
      maxLength: 8,
    }),
    fc.array(fc.nat({ max: 3000 }), { maxLength: 8 }),
  ),
  checkValue: ([frames, cuts]) =>
    checkStream(
      Buffer.concat(frames),
      cuts.toSorted((one, other) => one - other),
    ),
};
