import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KeyValue, Request, Response } from "../../generated/shim/ttrpc";
import { encodeFrame, type Frame, FrameReader, FrameType } from "./frame";
import type { MethodDefinition } from "./service";

/** A service for tests: every method takes a pair and answers with one. */
export const EchoDefinition: {
  readonly fullName: string;
  readonly methods: {
    readonly echo: MethodDefinition<KeyValue, KeyValue>;
    readonly other: MethodDefinition<KeyValue, KeyValue>;
  };
} = {
  fullName: "tsoci.test.Echo",
  methods: {
    echo: { name: "Echo", requestType: KeyValue, responseType: KeyValue },
    other: { name: "Other", requestType: KeyValue, responseType: KeyValue },
  },
};

/** A listening socket in a directory of its own; `remove` ends it and everything that it took. */
export async function listenForTest(): Promise<{
  path: string;
  listener: Server;
  remove: () => void;
}> {
  const dir = mkdtempSync(join(tmpdir(), "tsoci-ttrpc-"));
  const path = join(dir, "s");
  const listener = createServer();
  const taken = new Set<Socket>();
  listener.on("connection", (socket) => taken.add(socket));
  await new Promise<void>((resolve) => listener.listen(path, resolve));
  const remove = () => {
    for (const socket of taken) socket.destroy();
    listener.close();
    rmSync(dir, { recursive: true });
  };
  return { path, listener, remove };
}

/** What a call to EchoDefinition looks like in a frame. */
export function echoFrame(
  streamId: number,
  pair: KeyValue,
  request: Partial<Request> = {},
): Buffer {
  const payload = Request.encode({
    service: EchoDefinition.fullName,
    method: "Echo",
    payload: KeyValue.encode(pair).finish(),
    timeoutNano: 0n,
    metadata: [],
    ...request,
  }).finish();
  return encodeFrame(streamId, FrameType.request, payload);
}

/** The bare side of a connection: it writes what it is told to, and collects the frames that come. */
export class RawPeer {
  readonly socket: Socket;
  private readonly frames: Frame[] = [];
  private wanted: (() => void) | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    const reader = new FrameReader({
      frame: (frame) => {
        this.frames.push(frame);
        this.wanted?.();
      },
      oversized: (frame) => {
        throw new Error(`a frame of ${frame.payloadBytes} bytes came`);
      },
    });
    socket.on("data", (chunk: Buffer) => reader.push(chunk));
    socket.on("error", () => {});
  }

  static connect(path: string): Promise<RawPeer> {
    return new Promise((resolve) => {
      const socket = connect({ path }, () => resolve(new RawPeer(socket)));
    });
  }

  /** The next frames, that many of them. */
  async receive(count: number): Promise<Frame[]> {
    while (this.frames.length < count) {
      await new Promise<void>((resolve) => {
        this.wanted = resolve;
      });
    }
    return this.frames.splice(0, count);
  }

  /** The next answer: for which stream, with which status, with which payload. */
  async answer(): Promise<{ streamId: number; code: number; message: string; value: string }> {
    const [frame] = await this.receive(1);
    if (frame === undefined || frame.type !== FrameType.response) throw new Error("no response");
    const { status, payload } = Response.decode(frame.payload);
    const { value } = KeyValue.decode(payload);
    const { code = 0, message = "" } = status ?? {};
    return { streamId: frame.streamId, code, message, value };
  }

  /** Ends this side; resolves when the other has ended its own. */
  end(): Promise<void> {
    return new Promise((resolve) => {
      if (this.socket.closed) return resolve();
      this.socket.on("close", () => resolve());
      this.socket.end();
    });
  }
}
