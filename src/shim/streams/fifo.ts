import { constants, openSync, statSync } from "node:fs";
import type { Addon } from "../../addon/bindings";
import { RuntimeError } from "../../errors/runtime-error";
import { closeFile } from "../../host/files";
import { pause } from "../pause";
import type { DrainLimits, Sink } from "./sink";

const { O_RDONLY, O_RDWR, O_WRONLY, O_NONBLOCK } = constants;

const isFifo = (path: string) => statSync(path, { throwIfNoEntry: false })?.isFIFO() === true;

function open(path: string, flags: number): number {
  try {
    return openSync(path, flags);
  } catch (cause) {
    throw new RuntimeError("HOST_FAILED", "open the stream", { cause });
  }
}

/** Both ends at once, which never waits for anybody: fifo(7). */
const openBothEnds = (path: string) => open(path, O_RDWR | O_NONBLOCK);

/**
 * A fifo that a process writes to. The shim holds both ends while the process lives: whoever reads may go and
 * come again, as containerd does when it is restarted, and nobody who writes hears of it.
 */
export class FifoSink implements Sink {
  readonly fd: number;
  private bothEnds: number;

  constructor(
    private readonly addon: Addon,
    private readonly path: string,
  ) {
    this.bothEnds = openBothEnds(path);
    try {
      this.fd = open(path, O_WRONLY);
    } catch (error) {
      closeFile(this.bothEnds);
      throw error;
    }
  }

  handOver(): void {
    closeFile(this.fd);
  }

  /**
   * The reader gets the end of the file behind what is still in the fifo. While there is something and nobody
   * reads, it is kept: with the last descriptor of a fifo goes what is in it.
   */
  async finish({ read }: DrainLimits): Promise<void> {
    const writeEnd = this.isEmpty() ? undefined : this.openWriteEnd();
    closeFile(this.bothEnds);
    this.bothEnds = -1;
    if (writeEnd === undefined) return;
    try {
      while (!read.aborted && !this.hasReader(writeEnd)) await pause(pollingMs);
    } finally {
      closeFile(writeEnd);
    }
  }

  private isEmpty(): boolean {
    return this.addon.waitReadable({ fds: [this.bothEnds], timeoutMs: 0 }).length === 0;
  }

  /** Undefined when the fifo has been removed, and nobody can come to read any more. */
  private openWriteEnd(): number | undefined {
    if (!isFifo(this.path)) return undefined;
    return open(this.path, O_WRONLY | O_NONBLOCK);
  }

  /** poll(2) tells a writer of an error as long as nobody reads. */
  private hasReader(writeEnd: number): boolean {
    return this.addon.waitReadable({ fds: [writeEnd], timeoutMs: 0 }).length === 0;
  }
}

const pollingMs = 20;

/**
 * A fifo that a process reads from. The shim holds an end for writing, so that the process sees no end of its
 * input between two that write, until it is told to close it.
 */
export class FifoSource {
  /** For the process. */
  readonly fd: number;
  private writeEnd: number;

  constructor(path: string) {
    const bothEnds = openBothEnds(path);
    try {
      this.fd = open(path, O_RDONLY);
      this.writeEnd = open(path, O_WRONLY | O_NONBLOCK);
    } finally {
      closeFile(bothEnds);
    }
  }

  /** The process has its own. */
  handOver(): void {
    closeFile(this.fd);
  }

  /** From now on the last who writes ends the input. May be called again. */
  close(): void {
    if (this.writeEnd >= 0) closeFile(this.writeEnd);
    this.writeEnd = -1;
  }
}
