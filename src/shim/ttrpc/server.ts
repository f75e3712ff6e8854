import type { Server, Socket } from "node:net";
import { Request, Response } from "../../generated/shim/ttrpc";
import { afterNs } from "./deadline";
import {
  encodeFrame,
  type Frame,
  FrameFlag,
  FrameReader,
  FrameType,
  maxPayloadBytes,
  type OversizedFrame,
} from "./frame";
import type { Method, Service } from "./service";
import { CallError, StatusCode, statusOf } from "./status";

/** So many calls of one connection may wait for their answers; each `Wait` of containerd is one. */
const maxOpenCalls = 16_384;

/** While more than this waits to be sent, nothing more is read from that connection. */
const maxUnsentBytes = 4 * maxPayloadBytes;

/** Serves unary calls on a listening socket. */
export interface TtrpcServer {
  /** Takes no further connection, aborts what still runs, and ends when all that was answered is sent. */
  close(): Promise<void>;
}

/**
 * Answers on each connection that the listener takes. The listener is the caller's until `close`.
 *
 * Calls of one connection run side by side and are answered in the order in which they end. What is no call
 * gets a status where a peer can know what it is for, and otherwise nothing; the connection goes on either
 * way, as a frame says how long it is.
 */
export function serveTtrpc(listener: Server, services: readonly Service[]): TtrpcServer {
  const byName = new Map(services.map((service) => [service.fullName, service]));
  const connections = new Set<Connection>();
  const accept = (socket: Socket) => {
    const connection = new Connection(socket, byName);
    connections.add(connection);
    socket.on("close", () => connections.delete(connection));
  };
  listener.on("connection", accept);
  return {
    close: () =>
      new Promise((resolve) => {
        listener.close(() => resolve());
        for (const connection of connections) connection.end();
      }),
  };
}

class Connection {
  private readonly socket: Socket;
  private readonly services: ReadonlyMap<string, Service>;
  private readonly openCalls = new Map<number, AbortController>();
  private lastStreamId = 0;

  constructor(socket: Socket, services: ReadonlyMap<string, Service>) {
    this.socket = socket;
    this.services = services;
    const reader = new FrameReader(this);
    socket.on("data", (chunk: Buffer) => reader.push(chunk));
    socket.on("drain", () => socket.resume());
    // A reset of the peer's; "close" follows.
    socket.on("error", () => {});
    socket.on("close", () => this.abortCalls());
  }

  end(): void {
    this.abortCalls();
    // Not waiting for the peer to end its side too: nothing that it says is answered any more.
    this.socket.end(() => this.socket.destroy());
  }

  frame(frame: Frame): void {
    // Data belongs to streams, which no service here has, and only we send responses.
    if (frame.type !== FrameType.request) return;
    if (!this.isNewStream(frame.streamId)) return;
    try {
      this.begin(frame);
    } catch (error) {
      this.refuse(frame.streamId, error);
    }
  }

  oversized(frame: OversizedFrame): void {
    if (frame.type !== FrameType.request || !this.isNewStream(frame.streamId)) return;
    this.refuse(frame.streamId, tooLong("request", frame.payloadBytes));
  }

  /** Ids of a client are odd and rise. An answer to any other could be taken for that to an earlier call. */
  private isNewStream(streamId: number): boolean {
    if (streamId % 2 === 0 || streamId <= this.lastStreamId) return false;
    this.lastStreamId = streamId;
    return true;
  }

  private begin({ streamId, flags, payload }: Frame): void {
    if ((flags & FrameFlag.remoteOpen) !== 0) {
      throw new CallError(StatusCode.unimplemented, "the call is a stream, and must be unary");
    }
    if (this.openCalls.size >= maxOpenCalls) {
      const message = `${maxOpenCalls} calls of this connection are open, and no more may be`;
      throw new CallError(StatusCode.resourceExhausted, message);
    }
    const request = decoded("request", () => Request.decode(payload));
    const method = this.methodOf(request);
    const run = decoded(`request of "${request.method}"`, () => method.prepare(request.payload));

    const abort = new AbortController();
    this.openCalls.set(streamId, abort);
    const forget =
      request.timeoutNano > 0n
        ? afterNs(request.timeoutNano, () => this.expire(streamId, request.method))
        : () => {};
    run({ signal: abort.signal, metadata: request.metadata })
      .then((answer) => this.answer(streamId, answer))
      .catch((error: unknown) => this.finish(streamId, error))
      .finally(forget);
  }

  private methodOf({ service, method }: Request): Method {
    const found = this.services.get(service)?.methods.get(method);
    if (found !== undefined) return found;
    const what = this.services.has(service) ? `method "${method}"` : `service "${service}"`;
    throw new CallError(StatusCode.unimplemented, `${what} is not served here`);
  }

  private expire(streamId: number, method: string): void {
    const abort = this.openCalls.get(streamId);
    const error = new CallError(StatusCode.deadlineExceeded, `"${method}" took too long`);
    this.finish(streamId, error);
    abort?.abort(error);
  }

  private answer(streamId: number, payload: Uint8Array): void {
    if (!this.openCalls.delete(streamId)) return;
    const bytes = Response.encode({ status: undefined, payload }).finish();
    if (bytes.length > maxPayloadBytes) this.refuse(streamId, tooLong("response", bytes.length));
    else this.send(streamId, bytes);
  }

  /** Unless it was answered, because its time was up. */
  private finish(streamId: number, error: unknown): void {
    if (this.openCalls.delete(streamId)) this.refuse(streamId, error);
  }

  private refuse(streamId: number, error: unknown): void {
    const none = new Uint8Array();
    this.send(streamId, Response.encode({ status: statusOf(error), payload: none }).finish());
  }

  private send(streamId: number, payload: Uint8Array): void {
    if (!this.socket.writable) return;
    this.socket.write(encodeFrame(streamId, FrameType.response, payload));
    if (this.socket.writableLength > maxUnsentBytes) this.socket.pause();
  }

  private abortCalls(): void {
    const gone = new CallError(StatusCode.cancelled, "the connection has ended");
    const calls = [...this.openCalls.values()];
    this.openCalls.clear();
    for (const call of calls) call.abort(gone);
  }
}

function decoded<Value>(what: string, decode: () => Value): Value {
  try {
    return decode();
  } catch (cause) {
    throw new CallError(StatusCode.invalidArgument, `decode the ${what}`, { cause });
  }
}

function tooLong(what: string, bytes: number): CallError {
  const message = `the ${what} has ${bytes} bytes, and may have ${maxPayloadBytes}`;
  return new CallError(StatusCode.resourceExhausted, message);
}
