import { RuntimeError } from "../../errors/runtime-error";
import type { KeyValue } from "../../generated/shim/ttrpc";
import { EchoDefinition, echoFrame, listenForTest, RawPeer } from "./echo-fixture";
import { encodeFrame, FrameType, headerBytes, maxPayloadBytes } from "./frame";
import { serveTtrpc, type TtrpcServer } from "./server";
import { type Call, serviceOf } from "./service";
import { StatusCode } from "./status";

type Handler = (pair: KeyValue, call: Call) => KeyValue | Promise<KeyValue>;

const pair = (value: string): KeyValue => ({ key: "", value });
const none = new Uint8Array();

let place: Awaited<ReturnType<typeof listenForTest>>;
let server: TtrpcServer;
/** What `Other` does in this test. */
let other: Handler;

beforeEach(async () => {
  other = (sent) => sent;
  place = await listenForTest();
  const handlers = {
    echo: (sent: KeyValue) => sent,
    other: (sent: KeyValue, call: Call) => other(sent, call),
  };
  server = serveTtrpc(place.listener, [serviceOf(EchoDefinition, handlers)]);
});

afterEach(() => place.remove());

const callOther = (streamId: number, sent: KeyValue, timeoutNano = 0n) =>
  echoFrame(streamId, sent, { method: "Other", timeoutNano });

test("a call is answered on its stream", async () => {
  const peer = await RawPeer.connect(place.path);

  peer.socket.write(echoFrame(7, pair("x")));

  expect(await peer.answer()).toEqual({ streamId: 7, code: 0, message: "", value: "x" });
});

test("a call that takes long holds up no other", async () => {
  let finish = () => {};
  other = (sent) =>
    new Promise((resolve) => {
      finish = () => resolve(sent);
    });
  const peer = await RawPeer.connect(place.path);

  peer.socket.write(Buffer.concat([callOther(1, pair("slow")), echoFrame(3, pair("quick"))]));

  expect(await peer.answer()).toMatchObject({ streamId: 3, value: "quick" });
  finish();
  expect(await peer.answer()).toMatchObject({ streamId: 1, value: "slow" });
});

test("a connection has so many calls open, and one more is refused alone", async () => {
  const most = 16_384;
  let finish = () => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  other = async (sent) => {
    await finished;
    return sent;
  };
  const peer = await RawPeer.connect(place.path);
  const calls = Array.from({ length: most }, (_, index) => callOther(2 * index + 1, pair("x")));

  peer.socket.write(Buffer.concat([...calls, callOther(2 * most + 1, pair("x"))]));

  const refused = { streamId: 2 * most + 1, code: StatusCode.resourceExhausted };
  expect(await peer.answer()).toMatchObject(refused);
  finish();
  expect(await peer.answer()).toMatchObject({ streamId: 1, value: "x" });
});

test.each([
  [{ method: "Nope" }, 'method "Nope" is not served here'],
  [{ service: "tsoci.test.Nope" }, 'service "tsoci.test.Nope" is not served here'],
])("%j is answered with UNIMPLEMENTED", async (request, message) => {
  const peer = await RawPeer.connect(place.path);

  peer.socket.write(echoFrame(1, pair("x"), request));

  const answer = await peer.answer();
  expect(answer).toMatchObject({ streamId: 1, code: StatusCode.unimplemented, message });
});

test.each([
  ["CONTAINER_UNKNOWN", StatusCode.notFound],
  ["ID_TAKEN", StatusCode.alreadyExists],
  ["CONTAINER_WRONG_STATUS", StatusCode.failedPrecondition],
  ["CONFIG_INVALID", StatusCode.invalidArgument],
  ["INIT_FAILED", StatusCode.unknown],
] as const)("a failure of %s has status %d and tells the chain of causes", async (code, status) => {
  other = () => {
    throw new RuntimeError(code, 'start "web"', { cause: new Error("no such thing") });
  };
  const peer = await RawPeer.connect(place.path);

  peer.socket.write(callOther(1, pair("")));

  const message = 'start "web": no such thing';
  expect(await peer.answer()).toEqual({ streamId: 1, code: status, message, value: "" });
});

test("a call whose time is up is answered and aborted, and its late answer is dropped", async () => {
  const aborted = new Promise<void>((seen) => {
    other = (sent, { signal }) =>
      new Promise((resolve) => {
        signal.addEventListener("abort", () => {
          resolve(sent);
          seen();
        });
      });
  });
  const peer = await RawPeer.connect(place.path);

  peer.socket.write(callOther(1, pair("late"), 1n));

  const message = '"Other" took too long';
  const code = StatusCode.deadlineExceeded;
  expect(await peer.answer()).toMatchObject({ streamId: 1, code, message });
  await aborted;
  peer.socket.write(echoFrame(3, pair("next")));
  expect(await peer.answer()).toMatchObject({ streamId: 3, value: "next" });
});

test("a call that is answered in time is not aborted", async () => {
  let signal: AbortSignal | undefined;
  other = (sent, call) => {
    signal = call.signal;
    return sent;
  };
  const peer = await RawPeer.connect(place.path);

  peer.socket.write(callOther(1, pair("x"), 3_600_000_000_000n));

  expect(await peer.answer()).toMatchObject({ code: 0, value: "x" });
  expect(signal?.aborted).toBe(false);
});

test("the end of a connection aborts what was asked on it", async () => {
  let begun = () => {};
  const running = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const reason = new Promise<unknown>((resolve) => {
    other = (sent, { signal }) => {
      signal.addEventListener("abort", () => resolve(signal.reason));
      begun();
      return new Promise(() => sent);
    };
  });
  const peer = await RawPeer.connect(place.path);
  peer.socket.write(callOther(1, pair("x")));
  await running;

  await peer.end();

  expect(await reason).toMatchObject({ status: StatusCode.cancelled });
});

test("a request that is too long is refused, and the next answered", async () => {
  const peer = await RawPeer.connect(place.path);

  const header = Buffer.from("00400001" + "00000001" + "0100", "hex");
  peer.socket.write(Buffer.concat([header, Buffer.alloc(maxPayloadBytes + 1)]));
  peer.socket.write(echoFrame(3, pair("next")));

  expect(await peer.answer()).toMatchObject({ streamId: 1, code: StatusCode.resourceExhausted });
  expect(await peer.answer()).toMatchObject({ streamId: 3, value: "next" });
});

test("an answer that is too long is an error of that call alone", async () => {
  other = () => pair("x".repeat(maxPayloadBytes));
  const peer = await RawPeer.connect(place.path);

  peer.socket.write(Buffer.concat([callOther(1, pair("")), echoFrame(3, pair("next"))]));

  const answers = [await peer.answer(), await peer.answer()];
  const codes = new Map(answers.map(({ streamId, code }) => [streamId, code]));
  expect(codes.get(1)).toBe(StatusCode.resourceExhausted);
  expect(codes.get(3)).toBe(StatusCode.ok);
});

test.each([
  ["a request", encodeFrame(1, FrameType.request, Buffer.from("ff", "hex"))],
  ["what a request carries", echoFrame(1, pair(""), { payload: Buffer.from("0aff", "hex") })],
])("%s that cannot be decoded is answered with INVALID_ARGUMENT", async (_what, frame) => {
  const peer = await RawPeer.connect(place.path);

  peer.socket.write(Buffer.concat([frame, echoFrame(3, pair("next"))]));

  expect(await peer.answer()).toMatchObject({ streamId: 1, code: StatusCode.invalidArgument });
  expect(await peer.answer()).toMatchObject({ streamId: 3, value: "next" });
});

test("a call that opens a stream is answered with UNIMPLEMENTED", async () => {
  const peer = await RawPeer.connect(place.path);
  const frame = echoFrame(1, pair("x"));
  frame.writeUInt8(2, headerBytes - 1);

  peer.socket.write(Buffer.concat([frame, encodeFrame(1, FrameType.data, none)]));
  peer.socket.write(echoFrame(3, pair("next")));

  expect(await peer.answer()).toMatchObject({ streamId: 1, code: StatusCode.unimplemented });
  expect(await peer.answer()).toMatchObject({ streamId: 3, value: "next" });
});

test("frames that are no call of a client get no answer", async () => {
  const peer = await RawPeer.connect(place.path);

  peer.socket.write(
    Buffer.concat([
      echoFrame(2, pair("an even id")),
      encodeFrame(1, FrameType.response, none),
      encodeFrame(1, FrameType.data, none),
      encodeFrame(1, 77, none),
      echoFrame(5, pair("the first call")),
      echoFrame(5, pair("an id once more")),
      echoFrame(3, pair("an id before that")),
      echoFrame(7, pair("the second call")),
    ]),
  );

  expect(await peer.answer()).toMatchObject({ streamId: 5, value: "the first call" });
  expect(await peer.answer()).toMatchObject({ streamId: 7, value: "the second call" });
});

test("a peer that reads late gets every answer", async () => {
  const long = "x".repeat(maxPayloadBytes / 2);
  other = () => pair(long);
  const peer = await RawPeer.connect(place.path);
  const streamIds = Array.from({ length: 40 }, (_, index) => 2 * index + 1);
  peer.socket.pause();

  peer.socket.write(Buffer.concat(streamIds.map((streamId) => callOther(streamId, pair("")))));
  // Once this is answered on a connection of its own, the server has been at work for a while.
  const second = await RawPeer.connect(place.path);
  second.socket.write(echoFrame(1, pair("x")));
  await second.answer();
  peer.socket.resume();

  const frames = await peer.receive(streamIds.length);
  expect(frames.map((frame) => frame.streamId).sort((a, b) => a - b)).toEqual(streamIds);
});

test("closing aborts what runs, sends what was answered, and ends", async () => {
  let aborted = false;
  let begun = () => {};
  const running = new Promise<void>((resolve) => {
    begun = resolve;
  });
  other = (sent, { signal }) => {
    signal.addEventListener("abort", () => {
      aborted = true;
    });
    begun();
    return new Promise(() => sent);
  };
  // More than the kernel keeps for a peer that does not read.
  const long = "x".repeat(maxPayloadBytes / 2);
  const peer = await RawPeer.connect(place.path);
  peer.socket.pause();
  peer.socket.write(Buffer.concat([echoFrame(1, pair(long)), callOther(3, pair(""))]));
  await running;
  await new Promise((resolve) => setImmediate(resolve));

  const closed = server.close();
  peer.socket.resume();

  expect((await peer.answer()).value).toBe(long);
  await closed;
  expect(aborted).toBe(true);
});
