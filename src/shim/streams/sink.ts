import { constants, mkdirSync, openSync } from "node:fs";
import { describeError } from "../../errors/describe";
import { RuntimeError } from "../../errors/runtime-error";
import { closeFile } from "../../host/files";
import { parentOf } from "../../spec/paths";
import type { ShimContext } from "../context";
import { hurried } from "./hurried";

/** Where what a process writes goes. */
export interface Sink {
  /** For the process to write to. */
  readonly fd: number;
  /** The process has its own descriptor, and ours is closed. */
  handOver(): void;
  /**
   * The process has ended: resolves when what it wrote is where it belongs, or at one of the limits. Nothing
   * stays open then.
   */
  finish(limits: DrainLimits): Promise<void>;
}

/** Both are signalled when there is no more waiting. */
export interface DrainLimits {
  /** For what others do with it: a copy, a logger. */
  readonly written: AbortSignal;
  /** For somebody who comes to read it. */
  readonly read: AbortSignal;
}

/** A device, such as /dev/null: it needs nobody between. */
export class DeviceSink implements Sink {
  readonly fd: number;

  constructor(path: string) {
    this.fd = openSync(path, constants.O_WRONLY);
  }

  handOver(): void {
    closeFile(this.fd);
  }

  async finish(): Promise<void> {}
}

/**
 * A log file. The process gets a pipe, from which it is copied: with a descriptor of the file it could change
 * what it has logged.
 */
export class LogFileSink implements Sink {
  readonly fd: number;
  private readonly copying: Copying;

  constructor(context: CopyContext, path: string) {
    const file = openLog(path);
    try {
      const { readFd, writeFd } = context.addon.openPipe();
      this.fd = writeFd;
      this.copying = new Copying(context, readFd, file);
      closeFile(readFd);
    } finally {
      closeFile(file);
    }
  }

  handOver(): void {
    closeFile(this.fd);
  }

  finish({ written }: DrainLimits): Promise<void> {
    return this.copying.finish(written);
  }
}

function openLog(path: string): number {
  try {
    mkdirSync(parentOf(path), { recursive: true, mode: 0o755 });
    return openSync(path, "a", 0o644);
  } catch (cause) {
    throw new RuntimeError("HOST_FAILED", "open the log", { cause });
  }
}

type CopyContext = Pick<ShimContext, "addon" | "warn">;

/** A copy beside the event loop, from one descriptor to another; both stay the caller's. */
export class Copying {
  private readonly copy: number;
  private readonly ended: Promise<void>;

  /** `warn` hears when something cannot be written, such as a log on a full disk. */
  constructor(
    private readonly context: CopyContext,
    fromFd: number,
    toFd: number,
  ) {
    const { copy, ended } = context.addon.startCopy({ fromFd, toFd });
    this.copy = copy;
    this.ended = ended.catch((error) => context.warn(`copy a stream: ${describeError(error)}`));
  }

  /** Until the end of what is read. At the deadline what can be read at once is copied, and no more. */
  async finish(deadline: AbortSignal): Promise<void> {
    await hurried(this.ended, deadline, () => this.end());
  }

  /** Nobody is there for the rest of it. */
  async drop(): Promise<void> {
    this.end();
    this.end();
    await this.ended;
  }

  /** The first time what can be read at once is still copied, the second time nothing. */
  private end(): void {
    this.context.addon.endCopy({ copy: this.copy });
  }
}
