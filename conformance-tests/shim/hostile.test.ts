import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { Request, Response } from "../../src/generated/shim/ttrpc";
import { encodeFrame, FrameType, maxPayloadBytes } from "../../src/shim/ttrpc/frame";
import { StatusCode } from "../../src/shim/ttrpc/status";
import { until } from "../support/background";
import { isAlive } from "../support/host";
import { shows } from "../support/shows";
import { ShimConnection } from "./shim.mjs";
import { refusalOf, type Shim, shimSuite, useShims } from "./use-shims";

const { unimplemented, invalidArgument, resourceExhausted } = StatusCode;
const task = "containerd.task.v3.Task";

/** A peer that writes what it likes. */
class Raw {
  received = Buffer.alloc(0);
  isClosed = false;

  private constructor(readonly socket: Socket) {
    socket.on("data", (bytes: Buffer) => {
      this.received = Buffer.concat([this.received, bytes]);
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      this.isClosed = true;
    });
  }

  static async open({ socketPath }: Shim): Promise<Raw> {
    const socket = connect({ path: socketPath });
    await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    return new Raw(socket);
  }

  call(streamId: number, service: string, method: string, payload = new Uint8Array(), flags = 0) {
    const request = { service, method, payload, timeoutNano: 0n, metadata: [] };
    const frame = encodeFrame(streamId, FrameType.request, Request.encode(request).finish());
    frame.writeUInt8(flags, 9);
    this.socket.write(frame);
  }

  /** The status of the first answer, and the stream that it is for. */
  async answer(): Promise<{ streamId: number; code: number }> {
    const read = () => {
      const { received } = this;
      return received.length >= 10 && received.length >= 10 + received.readUInt32BE(0) && received;
    };
    const bytes = await until("an answer", read);
    const end = 10 + bytes.readUInt32BE(0);
    this.received = bytes.subarray(end);
    const { status } = Response.decode(bytes.subarray(10, end));
    return { streamId: bytes.readUInt32BE(4), code: status?.code ?? 0 };
  }
}

shimSuite("shim: peers that do as they like", () => {
  const world = useShims();

  /** The daemon serves others, and the container is as it was. */
  async function expectServing({ shim, id, pid }: { shim: Shim; id: string; pid: number }) {
    const other = await ShimConnection.open({ socketPath: shim.socketPath, version: 3 });
    expect(await other.call("state", { id })).toMatchObject({ pid, status: 2 });
    expect(await shim.call("connect", { id })).toMatchObject({ shimPid: shim.pid });
    other.close();
  }

  for (const [what, service, method, flags, code] of [
    ["a method that is none", task, "Nonsense", 0, unimplemented],
    ["a service that is none", "containerd.task.v9.Task", "State", 0, unimplemented],
    ["the sandbox service", "containerd.runtime.sandbox.v1.Sandbox", "Platform", 0, unimplemented],
    ["a stream", task, "State", 2, unimplemented],
    ["the other service's stream", "containerd.services.streaming.v1", "Stream", 2, unimplemented],
    ["a name of every object", task, "constructor", 0, unimplemented],
    ["a payload that is none", task, "State", 0, invalidArgument],
  ] as const) {
    shows("ttrpc", `${what} gets its status, and the connection goes on`, async () => {
      const running = await world().running();
      const raw = await Raw.open(running.shim);

      raw.call(1, service, method, Buffer.from([0xff, 0xff]), flags);
      expect(await raw.answer()).toEqual({ streamId: 1, code });

      raw.call(3, task, "Connect", new Uint8Array());
      expect(await raw.answer()).toEqual({ streamId: 3, code: 0 });
      await expectServing(running);
      raw.socket.destroy();
    });
  }

  shows("ttrpc", "a frame that is too long gets its status, and the next is served", async () => {
    const running = await world().running();
    const raw = await Raw.open(running.shim);
    const long = encodeFrame(1, FrameType.request, new Uint8Array(maxPayloadBytes + 1));

    raw.socket.write(long);

    expect(await raw.answer()).toEqual({ streamId: 1, code: resourceExhausted });
    raw.call(3, task, "Connect");
    expect(await raw.answer()).toEqual({ streamId: 3, code: 0 });
    await expectServing(running);
    raw.socket.destroy();
  });

  shows("ttrpc", "random bytes, and connections that break in a frame, harm nobody", async () => {
    const running = await world().running();
    const raws = await Promise.all(Array.from({ length: 20 }, () => Raw.open(running.shim)));
    const frame = encodeFrame(1, FrameType.request, randomBytes(100));

    raws.forEach((raw, index) => {
      if (index % 2 === 0) raw.socket.write(randomBytes(1000 * (index + 1)));
      else raw.socket.write(frame.subarray(0, index * 5));
    });
    await expectServing(running);
    for (const raw of raws) raw.socket.destroy();

    await expectServing(running);
    expect(running.shim.log.text).toBe("");
  });

  shows("ttrpc", "a hundred connections that wait are served side by side", async () => {
    const running = await world().running();
    const { shim, id } = running;
    const address = { socketPath: shim.socketPath, version: 3 };
    const connections = await Promise.all(
      Array.from({ length: 100 }, () => ShimConnection.open(address)),
    );
    const ends = connections.map((connection) => connection.call("wait", { id }));
    await Promise.all(connections.map((connection) => connection.call("connect", { id })));

    await shim.call("kill", { id, signal: 9 });

    const codes = (await Promise.all(ends)).map(({ exitStatus }) => exitStatus);
    expect(new Set(codes)).toEqual(new Set([128 + 9]));
    for (const connection of connections) connection.close();
  });

  shows(
    "ttrpc",
    "who is gone in the middle of a create has made a container all the same",
    async () => {
      const bundle = world().bundle();
      const shim = await world().start(bundle);
      const other = await ShimConnection.open({ socketPath: shim.socketPath, version: 3 });
      const created = refusalOf(other.create(world().program, bundle));
      // The request is on its way before the connection's end.
      await new Promise((resolve) => setImmediate(resolve));
      other.close();
      expect((await created).status).toBe(StatusCode.unavailable);

      await world().containerd.waitFor(bundle.id, "/tasks/create", 10_000);

      const { pid } = await shim.call("state", { id: bundle.id });
      expect(isAlive(pid)).toBe(true);
      await shim.call("delete", { id: bundle.id });
    },
  );

  for (const [what, fields, words] of [
    ["an id with a slash", { id: "../../etc" }, "../../etc"],
    ["an empty id", { id: "" }, "id"],
    ["a bundle that is not there", { id: "x", bundle: "/there/is/none" }, "/there/is/none"],
    ["a bundle by a relative path", { id: "x", bundle: "c1" }, "c1"],
    ["an empty bundle", { id: "x", bundle: "" }, "bundle"],
  ] as const) {
    shows("promise", `Create with ${what} is refused and leaves nothing`, async () => {
      const running = await world().running();
      const { shim } = running;

      const { options } = world().program;
      const { message } = await refusalOf(shim.call("create", { ...fields, options }));

      expect(message).toContain(words);
      const { status } = await refusalOf(shim.call("state", { id: fields.id }));
      expect(status).toBe(StatusCode.notFound);
      await expectServing(running);
    });
  }

  for (const [what, options] of [
    ["of a kind that is none", { typeUrl: "some.Options", value: new Uint8Array() }],
    ["that are none", { typeUrl: "containerd.runc.v1.Options", value: Buffer.from([0xff]) }],
  ] as const) {
    shows("promise", `Create with options ${what} is refused`, async () => {
      const bundle = world().bundle();
      const shim = await world().start(bundle);

      const { id, dir } = bundle;
      const { status, message } = await refusalOf(
        shim.call("create", { id, bundle: dir, options }),
      );

      expect(status).toBe(invalidArgument);
      expect(message).toContain(options.typeUrl);
      expect(world().leftovers()).toEqual([`socket ${shim.socketPath}`]);
    });
  }
});
