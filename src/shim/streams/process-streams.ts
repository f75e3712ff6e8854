import { fchownSync, openSync, type Stats, statSync } from "node:fs";
import { RuntimeError } from "../../errors/runtime-error";
import { closeFile } from "../../host/files";
import type { Streams } from "../../lifecycle/requests";
import type { ShimContext } from "../context";
import { FifoSink, FifoSource } from "./fifo";
import { Logger } from "./logger";
import { readOutput, type StreamRequest } from "./request";
import { Copying, DeviceSink, LogFileSink, type Sink } from "./sink";

type StreamContext = Pick<ShimContext, "addon" | "children" | "namespace" | "nofileSoft" | "warn">;

/** How long what a process wrote may take to where it belongs, once the process has ended. */
const drainDeadlineMs = 10_000;

/**
 * The standard streams of one process. Fifos, pipes and files are handed to the process as they are; only what
 * has to pass by somebody, a terminal and the log of a file, is copied, and not by us but by native code.
 */
export class ProcessStreams {
  private masterFd = -1;
  private copies: { readonly input?: Copying; readonly output?: Copying } = {};
  private finished: Promise<void> | undefined;
  private readonly drainLimit = new AbortController();
  private readonly readerLimit = new AbortController();

  private constructor(
    private readonly context: StreamContext,
    private readonly parts: Parts,
    private readonly terminal: boolean,
  ) {}

  /** Opens what the request names. Nothing stays open when it throws: USAGE, HOST_FAILED. */
  static async open(
    context: StreamContext,
    request: StreamRequest,
    { id, owner }: { readonly id: string; readonly owner: Owner },
  ): Promise<ProcessStreams> {
    const source = request.stdin === "" ? undefined : new FifoSource(request.stdin);
    try {
      const outputs = await openOutputs(context, request, id);
      const streams = new ProcessStreams(context, { source, ...outputs }, request.terminal);
      return await streams.givenTo(owner);
    } catch (error) {
      source?.handOver();
      source?.close();
      throw error;
    }
  }

  private async givenTo(owner: Owner): Promise<this> {
    const { source, stdout, stderr } = this.parts;
    try {
      for (const stream of [source, stdout, stderr]) changeOwner(stream, owner);
      return this;
    } catch (cause) {
      await this.abandon();
      throw new RuntimeError("HOST_FAILED", "give the streams to their owner", { cause });
    }
  }

  /** What the process is to begin with. */
  get forProcess(): Streams {
    const { source, stdout, stderr } = this.parts;
    if (this.terminal) return "kept terminal";
    return [
      source?.fd ?? this.nothing(),
      stdout?.fd ?? this.nothing(),
      stderr?.fd ?? this.nothing(),
    ];
  }

  private nothingFd = -1;

  private nothing(): number {
    if (this.nothingFd < 0) this.nothingFd = openSync("/dev/null", "r+");
    return this.nothingFd;
  }

  /** The process is there, with a terminal if it was to have one. */
  handOver(masterFd: number): void {
    const { source, stdout } = this.parts;
    if (this.terminal) {
      this.masterFd = masterFd;
      this.copies = {
        ...(source === undefined ? {} : { input: new Copying(this.context, source.fd, masterFd) }),
        output: new Copying(this.context, masterFd, stdout?.fd ?? this.nothing()),
      };
    }
    this.closeOurs();
  }

  private closeOurs(): void {
    const { source, stdout, stderr } = this.parts;
    source?.handOver();
    stdout?.handOver();
    stderr?.handOver();
    if (this.nothingFd >= 0) closeFile(this.nothingFd);
    this.nothingFd = -1;
  }

  /** A terminal's size; nothing without one. */
  resize(columns: number, rows: number): void {
    if (this.masterFd >= 0) {
      this.context.addon.resizeTerminal({ masterFd: this.masterFd, columns, rows });
    }
  }

  closeInput(): void {
    this.parts.source?.close();
  }

  /** There is no process after all. */
  async abandon(): Promise<void> {
    this.closeOurs();
    this.drainLimit.abort();
    await this.conclude();
  }

  /** Nobody will come to read any more who does not read now. Otherwise as `finish`. */
  conclude(): Promise<void> {
    this.readerLimit.abort();
    return this.finish();
  }

  /** The process has ended: resolves when all that it wrote is where it belongs, and nothing is open any more. */
  finish(): Promise<void> {
    this.finished ??= this.drain();
    return this.finished;
  }

  private async drain(): Promise<void> {
    const limits = { written: this.drainLimit.signal, read: this.readerLimit.signal };
    const abort = () => {
      this.drainLimit.abort();
      this.readerLimit.abort();
    };
    const timer = setTimeout(abort, drainDeadlineMs);
    const { source, stdout, stderr, logger } = this.parts;
    try {
      source?.close();
      await this.copies.output?.finish(limits.written);
      await this.copies.input?.drop();
      if (this.masterFd >= 0) closeFile(this.masterFd);
      this.masterFd = -1;
      await Promise.all([stdout, stderr, logger].map((end) => end?.finish(limits)));
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Nobody's but root's as long as both are 0. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

function changeOwner(stream: { readonly fd: number } | undefined, { uid, gid }: Owner): void {
  if (stream !== undefined && (uid !== 0 || gid !== 0)) fchownSync(stream.fd, uid, gid);
}

interface Parts extends Outputs {
  readonly source: FifoSource | undefined;
}

interface Outputs {
  readonly stdout: Sink | undefined;
  readonly stderr: Sink | undefined;
  readonly logger?: Logger;
}

async function openOutputs(
  context: StreamContext,
  request: StreamRequest,
  containerId: string,
): Promise<Outputs> {
  const output = readOutput(request);
  switch (output.kind) {
    case "paths": {
      const stdout = openPath(context, output.stdout);
      // A terminal has one output.
      if (request.terminal) return { stdout, stderr: undefined };
      return { stdout, stderr: closingOnFailure(stdout, () => openPath(context, output.stderr)) };
    }
    case "file": {
      const stdout = new LogFileSink(context, output.path);
      const open = () => new LogFileSink(context, output.path);
      return { stdout, stderr: request.terminal ? undefined : closingOnFailure(stdout, open) };
    }
    case "logger": {
      const logger = await Logger.start(context, { ...output, containerId });
      return { logger, stdout: logger.stdout, stderr: logger.stderr };
    }
  }
}

function openPath(context: StreamContext, path: string): Sink | undefined {
  if (path === "") return undefined;
  const status = statusOf(path);
  if (status.isFIFO()) return new FifoSink(context.addon, path);
  return status.isCharacterDevice() ? new DeviceSink(path) : new LogFileSink(context, path);
}

/** Only a log that is named as one is made: in the place of a fifo that is gone, nobody would look for a file. */
function statusOf(path: string): Stats {
  try {
    return statSync(path);
  } catch (cause) {
    throw new RuntimeError("HOST_FAILED", "open the stream", { cause });
  }
}

function closingOnFailure<Opened>(opened: Sink | undefined, open: () => Opened): Opened {
  try {
    return open();
  } catch (error) {
    opened?.handOver();
    const now = AbortSignal.abort();
    void opened?.finish({ written: now, read: now });
    throw error;
  }
}
