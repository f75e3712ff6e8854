import {
  encodeFrame,
  type Frame,
  FrameReader,
  FrameType,
  headerBytes,
  maxPayloadBytes,
  type OversizedFrame,
} from "./frame";

function collector() {
  const frames: Frame[] = [];
  const oversized: OversizedFrame[] = [];
  const reader = new FrameReader({
    frame: (frame) => frames.push(frame),
    oversized: (frame) => oversized.push(frame),
  });
  return { frames, oversized, reader };
}

const bytes = (text: string) => new TextEncoder().encode(text);

test("a frame has the layout that ttrpc asks for", () => {
  const frame = encodeFrame(0x01020305, FrameType.request, bytes("ab"));

  expect(frame.toString("hex")).toBe("00000002" + "01020305" + "01" + "00" + "6162");
});

test("frames are read however the bytes are cut", () => {
  const stream = Buffer.concat([
    encodeFrame(1, FrameType.request, bytes("first")),
    encodeFrame(3, FrameType.request, bytes("")),
    encodeFrame(5, FrameType.data, bytes("third")),
  ]);

  for (let size = 1; size <= stream.length; size++) {
    const { frames, oversized, reader } = collector();
    for (let at = 0; at < stream.length; at += size) reader.push(stream.subarray(at, at + size));

    const seen = frames.map(({ payload, ...head }) => [head, Buffer.from(payload).toString()]);
    expect(seen).toEqual([
      [{ streamId: 1, type: FrameType.request, flags: 0 }, "first"],
      [{ streamId: 3, type: FrameType.request, flags: 0 }, ""],
      [{ streamId: 5, type: FrameType.data, flags: 0 }, "third"],
    ]);
    expect(oversized).toEqual([]);
  }
});

test("the longest payload is read", () => {
  const { frames, reader } = collector();

  reader.push(encodeFrame(1, FrameType.request, new Uint8Array(maxPayloadBytes)));

  expect(frames.map((frame) => frame.payload.length)).toEqual([maxPayloadBytes]);
});

test("a payload that is one byte too long is told of and skipped, and the next frame read", () => {
  const { frames, oversized, reader } = collector();
  const tooLong = encodeFrame(1, FrameType.request, new Uint8Array(maxPayloadBytes + 1));

  reader.push(tooLong.subarray(0, headerBytes));
  expect(oversized).toEqual([
    { streamId: 1, type: FrameType.request, flags: 0, payloadBytes: maxPayloadBytes + 1 },
  ]);
  reader.push(tooLong.subarray(headerBytes, 70_000));
  reader.push(
    Buffer.concat([tooLong.subarray(70_000), encodeFrame(3, FrameType.request, bytes("x"))]),
  );

  expect(frames.map((frame) => frame.streamId)).toEqual([3]);
  expect(oversized).toHaveLength(1);
});
