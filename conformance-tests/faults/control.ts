import { chmodSync, closeSync, ftruncateSync, openSync, readSync, writeSync } from "node:fs";
import { constants } from "node:os";

/** As native/faults/control.h numbers them. */
export const roles = ["host call", "driver", "init"] as const;
export type Role = (typeof roles)[number];
const actions = ["count", "fail", "kill"] as const;

/** A call that was made, or was about to be. */
export interface Point {
  readonly role: Role;
  /** In how many ways it can fail. */
  readonly ways: number;
  readonly call: string;
  /** The path that it is about; "" when it is about none. */
  readonly subject: string;
  /** Return addresses, innermost first. */
  readonly frames: readonly string[];
}

export interface Hit extends Point {
  /** Undefined when it was killed, or did less than it was asked for. */
  readonly errno: string | undefined;
}

/** Which call is to fail, and how: the first one is number 1, the first way number 0. */
export interface Aim {
  readonly role: Role;
  readonly target: number;
  readonly action: "fail" | "kill";
  readonly way?: number;
}

const bytes = { head: 64, call: 32, subject: 104, frame: 8, point: 240 } as const;
const maxFrames = 12;
const maxPoints = 4096;
const hitAt = bytes.head;
const pointsAt = hitAt + bytes.point;
const word = { hasHit: 5, count: 9, errno: 10 } as const;

/** The file by which a fault build is told what to do: native/faults/control.h has the layout. */
export class FaultControl {
  readonly #fd: number;

  constructor(path: string) {
    this.#fd = openSync(path, "w+");
    ftruncateSync(this.#fd, pointsAt + maxPoints * bytes.point);
    // An init in a user namespace is another user to the file.
    chmodSync(path, 0o666);
  }

  close(): void {
    closeSync(this.#fd);
  }

  /** From here on nothing fails. */
  rest(): void {
    this.#begin([0, 0, 0, 0, 0]);
  }

  /** Nothing fails, and every call is written down. */
  writeDown(): void {
    this.#begin([0, 0, 0, 0, 1]);
  }

  aim({ role, target, action, way = 0 }: Aim): void {
    this.#begin([actions.indexOf(action), roles.indexOf(role), target, way, 0]);
  }

  /** The call that was aimed at, if it was reached, and the name of the errno that it failed with. */
  hit(): Hit | undefined {
    const head = this.#read(0, pointsAt);
    if (head.readUInt32LE(word.hasHit * 4) === 0) return undefined;
    return { ...pointAt(head, hitAt), errno: nameOf(head.readUInt32LE(word.errno * 4)) };
  }

  /** The calls that were written down, in their order. */
  points(): Point[] {
    const count = this.#read(0, bytes.head).readUInt32LE(word.count * 4);
    if (count > maxPoints) throw new Error(`${count} calls do not fit into the file`);
    const all = this.#read(pointsAt, count * bytes.point);
    return Array.from({ length: count }, (_, index) => pointAt(all, index * bytes.point));
  }

  #begin(words: readonly number[]): void {
    const head = Buffer.alloc(pointsAt);
    words.forEach((value, index) => {
      head.writeUInt32LE(value, index * 4);
    });
    writeSync(this.#fd, head, 0, head.length, 0);
  }

  #read(at: number, size: number): Buffer {
    const buffer = Buffer.alloc(size);
    readSync(this.#fd, buffer, 0, size, at);
    return buffer;
  }
}

const nameOf = (errno: number) =>
  Object.entries(constants.errno).find(([, number]) => number === errno)?.[0];

function pointAt(from: Buffer, at: number): Point {
  const callAt = at + 8;
  const subjectAt = callAt + bytes.call;
  const framesAt = subjectAt + bytes.subject;
  const frames = Array.from({ length: maxFrames }, (_, index) =>
    from.readBigUInt64LE(framesAt + index * bytes.frame),
  );
  return {
    role: roles[from.readUInt32LE(at)] ?? "driver",
    ways: from.readUInt32LE(at + 4),
    call: textAt(from, callAt, bytes.call),
    subject: textAt(from, subjectAt, bytes.subject),
    frames: frames.filter((address) => address !== 0n).map((address) => address.toString(16)),
  };
}

function textAt(from: Buffer, at: number, size: number): string {
  const field = from.subarray(at, at + size);
  const end = field.indexOf(0);
  return field.toString("utf8", 0, end < 0 ? size : end);
}
