import { connect, type Socket } from "node:net";
import { Request, Response } from "../../generated/shim/ttrpc";
import { afterNs } from "./deadline";
import {
  encodeFrame,
  type Frame,
  FrameReader,
  FrameType,
  maxPayloadBytes,
  type OversizedFrame,
} from "./frame";
import type { MethodDefinition } from "./service";
import { CallError, StatusCode } from "./status";

/** Beyond this no id of a stream fits into a frame. */
const lastStreamId = 0xffff_ffff;

interface OpenCall {
  answered(frame: Frame): void;
  failed(error: CallError): void;
}

/** Calls methods on one connection, side by side. Every failure is a CallError. */
export class TtrpcClient {
  private readonly socket: Socket;
  private readonly openCalls = new Map<number, OpenCall>();
  private nextStreamId = 1;
  private ended: CallError | undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    const reader = new FrameReader(this);
    socket.on("data", (chunk: Buffer) => reader.push(chunk));
    socket.on("error", (cause) => this.end("the connection broke", cause));
    socket.on("close", () => this.end("the connection has ended"));
  }

  /** Connects to a socket by its path. The caller closes the client. */
  static connect(path: string): Promise<TtrpcClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ path });
      const refused = (cause: Error) =>
        reject(new CallError(StatusCode.unavailable, `connect to "${path}"`, { cause }));
      socket.once("error", refused);
      socket.once("connect", () => {
        socket.off("error", refused);
        resolve(new TtrpcClient(socket));
      });
    });
  }

  /**
   * Calls a method of a service, by the name that it is served under. `timeoutMs` is told to the server too;
   * without one it waits until the connection ends.
   */
  call<Req, Res>(
    service: string,
    method: MethodDefinition<Req, Res>,
    request: Req,
    options: { timeoutMs?: number } = {},
  ): Promise<Res> {
    return new Promise((resolve, reject) => {
      const timeoutNs = BigInt(Math.ceil(options.timeoutMs ?? 0)) * 1_000_000n;
      const payload = Request.encode({
        service,
        method: method.name,
        payload: method.requestType.encode(request).finish(),
        timeoutNano: timeoutNs,
        metadata: [],
      }).finish();
      const streamId = this.nextStream(payload.length);

      const expire = () => {
        this.openCalls.delete(streamId);
        reject(new CallError(StatusCode.deadlineExceeded, `"${method.name}" took too long`));
      };
      const forget = timeoutNs > 0n ? afterNs(timeoutNs, expire) : () => {};
      this.openCalls.set(streamId, {
        answered: (frame) => {
          forget();
          try {
            resolve(method.responseType.decode(answerIn(frame)));
          } catch (error) {
            reject(error instanceof CallError ? error : undecodable(method.name, error));
          }
        },
        failed: (error) => {
          forget();
          reject(error);
        },
      });
      this.socket.write(encodeFrame(streamId, FrameType.request, payload));
    });
  }

  /** Ends the connection; what still waits fails. */
  close(): void {
    this.end("the connection was closed");
    this.socket.destroy();
  }

  frame(frame: Frame): void {
    if (frame.type === FrameType.response) this.take(frame.streamId)?.answered(frame);
  }

  oversized({ streamId, payloadBytes }: OversizedFrame): void {
    const message = `the response has ${payloadBytes} bytes, and may have ${maxPayloadBytes}`;
    this.take(streamId)?.failed(new CallError(StatusCode.resourceExhausted, message));
  }

  private nextStream(payloadBytes: number): number {
    if (this.ended !== undefined) throw this.ended;
    if (payloadBytes > maxPayloadBytes) {
      const message = `the request has ${payloadBytes} bytes, and may have ${maxPayloadBytes}`;
      throw new CallError(StatusCode.resourceExhausted, message);
    }
    if (this.nextStreamId > lastStreamId) {
      throw new CallError(StatusCode.unavailable, "this connection has no stream ids left");
    }
    const streamId = this.nextStreamId;
    this.nextStreamId += 2;
    return streamId;
  }

  private take(streamId: number): OpenCall | undefined {
    const call = this.openCalls.get(streamId);
    this.openCalls.delete(streamId);
    return call;
  }

  private end(why: string, cause?: Error): void {
    this.ended ??= new CallError(StatusCode.unavailable, why, { cause });
    const calls = [...this.openCalls.values()];
    this.openCalls.clear();
    for (const call of calls) call.failed(this.ended);
  }
}

/** What a call was answered with; throws the CallError when that is a failure. */
function answerIn({ payload }: Frame): Uint8Array {
  const { status, payload: answer } = Response.decode(payload);
  if (status === undefined || status.code === StatusCode.ok) return answer;
  throw new CallError(status.code, status.message);
}

function undecodable(method: string, cause: unknown): CallError {
  return new CallError(StatusCode.unknown, `decode the response of "${method}"`, { cause });
}
