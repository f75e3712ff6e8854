/** The largest payload of a frame, in bytes. Both sides of ttrpc refuse more. */
export const maxPayloadBytes = 4 * 1024 * 1024;

export const headerBytes = 10;

/** What a frame is. */
export const FrameType = { request: 1, response: 2, data: 3 } as const;

/** Flags of a request: without any it is unary, one message each way. */
export const FrameFlag = { remoteClosed: 1, remoteOpen: 2 } as const;

/** A frame as it was read. */
export interface Frame {
  readonly streamId: number;
  readonly type: number;
  readonly flags: number;
  readonly payload: Uint8Array;
}

/** A frame whose payload is too long; its bytes have been or will be thrown away. */
export interface OversizedFrame extends Omit<Frame, "payload"> {
  readonly payloadBytes: number;
}

/** The bytes of a frame: length, stream, type and flags, big-endian, then the payload. */
export function encodeFrame(streamId: number, type: number, payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(headerBytes + payload.length);
  frame.writeUInt32BE(payload.length, 0);
  frame.writeUInt32BE(streamId, 4);
  frame.writeUInt8(type, 8);
  frame.writeUInt8(0, 9);
  frame.set(payload, headerBytes);
  return frame;
}

/** Who gets what was read. */
export interface FrameSink {
  frame(frame: Frame): void;
  oversized(frame: OversizedFrame): void;
}

/**
 * Takes frames out of a stream of bytes, however it is cut. It holds one payload at most, and of one that is
 * too long nothing.
 */
export class FrameReader {
  private readonly sink: FrameSink;
  private readonly header = Buffer.alloc(headerBytes);
  /** Of the frame that is being read, once its header is there. */
  private payload: Buffer | undefined;
  private filledBytes = 0;
  private unwantedBytes = 0;

  constructor(sink: FrameSink) {
    this.sink = sink;
  }

  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.unwantedBytes > 0) {
        const count = Math.min(this.unwantedBytes, chunk.length - at);
        this.unwantedBytes -= count;
        at += count;
        continue;
      }
      const target = this.payload ?? this.header;
      const count = chunk.copy(target, this.filledBytes, at);
      this.filledBytes += count;
      at += count;
      if (this.filledBytes === target.length) this.filled();
    }
  }

  private filled(): void {
    this.filledBytes = 0;
    if (this.payload === undefined) {
      const length = this.header.readUInt32BE(0);
      if (length > maxPayloadBytes) {
        this.unwantedBytes = length;
        this.sink.oversized({ ...this.head(), payloadBytes: length });
        return;
      }
      this.payload = Buffer.allocUnsafe(length);
      if (length > 0) return;
    }
    const { payload } = this;
    this.payload = undefined;
    this.sink.frame({ ...this.head(), payload });
  }

  private head() {
    return {
      streamId: this.header.readUInt32BE(4),
      type: this.header.readUInt8(8),
      flags: this.header.readUInt8(9),
    };
  }
}
