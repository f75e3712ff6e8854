// A ttrpc server with the methods of containerd's tasks, given any stream: it answers each new odd stream once,
// and nothing else, and goes on.
import { EventEmitter } from "node:events";
import { load } from "../driver.mjs";

const { FrameReader, FrameType, encodeFrame } = load("shim/ttrpc/frame");
const { serveTtrpc } = load("shim/ttrpc/server");
const { serviceOf } = load("shim/ttrpc/service");
const { Request, Response } = load("generated/shim/ttrpc");
const { TaskDefinition } = load("generated/shim/task");

/** The server's side of a connection, which ends in memory. */
class Socket extends EventEmitter {
  writable = true;
  writableLength = 0;
  answers = [];
  reader = new FrameReader({
    frame: (frame) => this.answers.push(frame),
    oversized: () => {
      throw new Error("the answer is too long");
    },
  });

  write(bytes) {
    this.reader.push(Buffer.from(bytes));
  }
  pause() {}
  resume() {}
  end() {}
}

const handlers = Object.fromEntries(
  Object.keys(TaskDefinition.methods).map((name) => [
    name,
    (request) => {
      if (request.id === "throw") throw new Error("asked to");
      return TaskDefinition.methods[name].responseType.decode(new Uint8Array());
    },
  ]),
);

/** Ids of requests that have to be answered: odd, and each above all before it. */
function expectedIds(stream) {
  let last = 0;
  const ids = [];
  const take = ({ type, streamId }) => {
    if (type !== FrameType.request || streamId % 2 === 0 || streamId <= last) return;
    last = streamId;
    ids.push(streamId);
  };
  new FrameReader({ frame: take, oversized: take }).push(stream);
  return ids;
}

async function check(bytes) {
  const listener = new EventEmitter();
  serveTtrpc(listener, [serviceOf(TaskDefinition, handlers)]);
  const socket = new Socket();
  listener.emit("connection", socket);
  const cut = (bytes[0] ?? 0) % (bytes.length + 1);
  socket.emit("data", bytes.subarray(0, cut));
  socket.emit("data", bytes.subarray(cut));
  // A deadline of nanoseconds is over by then, too, or its call was answered.
  await new Promise((resolve) => setImmediate(resolve));
  const found = socket.answers.map(({ streamId, type, payload }) => {
    if (type !== FrameType.response) throw new Error(`an answer is a frame of type ${type}`);
    Response.decode(payload);
    return streamId;
  });
  socket.emit("close");
  const expected = expectedIds(bytes);
  const isSame = `${found.toSorted((a, b) => a - b)}` === `${expected}`;
  if (!isSame) throw new Error(`answered ${found}, expected ${expected}`);
}

function call(streamId, method, payload = new Uint8Array()) {
  const service = TaskDefinition.fullName;
  const request = { service, method, payload, timeoutNano: 0n, metadata: [] };
  return encodeFrame(streamId, FrameType.request, Request.encode(request).finish());
}

const methods = Object.values(TaskDefinition.methods);
const idOf = Buffer.from("\n\x05throw");

export const target = {
  check,
  words: [
    ...methods.flatMap(({ name }, index) => [call(2 * index + 1, name), call(3, name, idOf)]),
    ...["\0\0\0\x03\x01\0", "\x02\0", "\x01\x02", "\0\x40\0\x01\0\0\0\x05\x01\0"],
  ],
  seeds: () => [Buffer.concat(methods.map(({ name }, index) => call(2 * index + 1, name, idOf)))],
};
