import type { KeyValue } from "../../generated/shim/ttrpc";
import { TtrpcClient } from "./client";
import { EchoDefinition, echoFrame, listenForTest, RawPeer } from "./echo-fixture";
import { encodeFrame, FrameType } from "./frame";
import { serveTtrpc } from "./server";
import { serviceOf } from "./service";

const rounds = 400;

/** Numbers that look random and are the same in each run (xorshift32). */
function numbersFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

let place: Awaited<ReturnType<typeof listenForTest>>;

beforeEach(async () => {
  place = await listenForTest();
});

afterEach(() => place.remove());

/** Calls, of which some bytes are others, some are missing, and some are there twice. */
function damagedCalls(below: (limit: number) => number): Buffer {
  const calls = Array.from({ length: 1 + below(6) }, (_, index) =>
    echoFrame(2 * index + 1, { key: "key", value: "v".repeat(below(200)) }),
  );
  const bytes = Buffer.concat(calls);
  for (let count = below(8); count > 0; count--) bytes[below(bytes.length)] = below(256);
  const from = below(bytes.length);
  const pieces = [bytes.subarray(0, from), bytes.subarray(below(bytes.length))];
  return Buffer.concat(pieces);
}

test("a server survives damaged frames, and answers the next caller", async () => {
  const below = numbersFrom(20_261_122);
  const echo = (sent: KeyValue) => sent;
  serveTtrpc(place.listener, [serviceOf(EchoDefinition, { echo, other: echo })]);

  for (let round = 0; round < rounds; round++) {
    const peer = await RawPeer.connect(place.path);
    const bytes = damagedCalls(below);
    const cut = below(bytes.length);
    peer.socket.write(bytes.subarray(0, cut));
    peer.socket.write(bytes.subarray(cut));
    await peer.end();
  }

  const client = await TtrpcClient.connect(place.path);
  const sent = { key: "still", value: "there" };
  expect(await client.call(EchoDefinition.fullName, EchoDefinition.methods.echo, sent)).toEqual(
    sent,
  );
  client.close();
});

test("whatever a request carries, it gets one answer", async () => {
  const below = numbersFrom(5);
  const echo = (sent: KeyValue) => sent;
  serveTtrpc(place.listener, [serviceOf(EchoDefinition, { echo, other: echo })]);
  const peer = await RawPeer.connect(place.path);

  for (let round = 0; round < rounds; round++) {
    const payload = Buffer.from(Array.from({ length: below(64) }, () => below(256)));
    const streamId = 2 * round + 1;
    peer.socket.write(encodeFrame(streamId, FrameType.request, payload));
    expect((await peer.answer()).streamId).toBe(streamId);
  }
});

test("a client survives whatever a server answers, and each call ends", async () => {
  const below = numbersFrom(77);
  place.listener.on("connection", (socket) => {
    const peer = new RawPeer(socket);
    peer.receive(1).then(() => {
      const payload = Buffer.from(Array.from({ length: below(48) }, () => below(256)));
      const streamId = below(3);
      socket.end(encodeFrame(streamId, 1 + below(4), payload));
    });
  });

  const outcomes = new Set<string>();
  for (let round = 0; round < rounds; round++) {
    const client = await TtrpcClient.connect(place.path);
    const sent = { key: "", value: "" };
    const outcome = await client
      .call(EchoDefinition.fullName, EchoDefinition.methods.echo, sent)
      .then(
        () => "answered",
        (error: Error) => error.name,
      );
    outcomes.add(outcome);
    client.close();
  }

  expect(outcomes).toEqual(new Set(["answered", "CallError"]));
});
