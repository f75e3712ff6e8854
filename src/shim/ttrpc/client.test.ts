import { KeyValue, Response } from "../../generated/shim/ttrpc";
import { TtrpcClient } from "./client";
import { EchoDefinition, listenForTest, RawPeer } from "./echo-fixture";
import { encodeFrame, FrameType, maxPayloadBytes } from "./frame";
import { CallError, StatusCode } from "./status";

const { echo } = EchoDefinition.methods;
const pair = (value: string): KeyValue => ({ key: "", value });

let place: Awaited<ReturnType<typeof listenForTest>>;
let client: TtrpcClient;
let peer: RawPeer;

beforeEach(async () => {
  place = await listenForTest();
  const taken = new Promise<RawPeer>((resolve) => {
    place.listener.once("connection", (socket) => resolve(new RawPeer(socket)));
  });
  client = await TtrpcClient.connect(place.path);
  peer = await taken;
});

afterEach(() => {
  client.close();
  place.remove();
});

const call = (value: string, options = {}) =>
  client.call(EchoDefinition.fullName, echo, pair(value), options);

const answer = (streamId: number, value: string) =>
  encodeFrame(
    streamId,
    FrameType.response,
    Response.encode({ status: undefined, payload: KeyValue.encode(pair(value)).finish() }).finish(),
  );

/** How a call failed, or an error when it did not. */
const failureOf = (outcome: Promise<unknown>) =>
  outcome.then(
    () => {
      throw new Error("the call was answered");
    },
    (error: CallError) => error,
  );

test("answers go to their calls, in whatever order they come", async () => {
  const first = call("a");
  const second = call("b");
  const frames = await peer.receive(2);

  peer.socket.write(Buffer.concat([answer(3, "second"), answer(1, "first")]));

  expect(frames.map((frame) => frame.streamId)).toEqual([1, 3]);
  expect((await first).value).toBe("first");
  expect((await second).value).toBe("second");
});

test("a status other than 0 is a failure", async () => {
  const outcome = failureOf(call("x"));
  const status = { code: StatusCode.notFound, message: "no such task", details: [] };

  const payload = Response.encode({ status, payload: new Uint8Array() }).finish();
  peer.socket.write(encodeFrame(1, FrameType.response, payload));

  expect(await outcome).toMatchObject({ status: StatusCode.notFound, message: "no such task" });
});

test("a call that nobody answers ends when its time is up, and its late answer is dropped", async () => {
  const outcome = await failureOf(call("x", { timeoutMs: 1 }));

  expect(outcome).toMatchObject({ status: StatusCode.deadlineExceeded });
  const next = call("y");
  peer.socket.write(Buffer.concat([answer(1, "late"), answer(3, "next")]));
  expect((await next).value).toBe("next");
});

test("calls fail when the connection ends, and so do later ones", async () => {
  const outcome = failureOf(call("x"));
  await peer.receive(1);

  peer.socket.destroy();

  expect((await outcome).status).toBe(StatusCode.unavailable);
  expect((await failureOf(call("y"))).status).toBe(StatusCode.unavailable);
});

test("a request that is too long is not sent", async () => {
  const outcome = await failureOf(call("x".repeat(maxPayloadBytes)));

  expect(outcome.status).toBe(StatusCode.resourceExhausted);
  const next = call("y");
  expect((await peer.receive(1)).map((frame) => frame.streamId)).toEqual([1]);
  peer.socket.write(answer(1, "next"));
  expect((await next).value).toBe("next");
});

test("an answer that is too long fails its call alone", async () => {
  const outcome = failureOf(call("x"));
  const next = call("y");

  const header = Buffer.from("00400001" + "00000001" + "0200", "hex");
  peer.socket.write(Buffer.concat([header, Buffer.alloc(maxPayloadBytes + 1), answer(3, "next")]));

  expect((await outcome).status).toBe(StatusCode.resourceExhausted);
  expect((await next).value).toBe("next");
});

test("a socket that is not there is UNAVAILABLE", async () => {
  const outcome = await failureOf(TtrpcClient.connect(`${place.path}-not`));

  expect(outcome).toBeInstanceOf(CallError);
  expect(outcome.status).toBe(StatusCode.unavailable);
});
