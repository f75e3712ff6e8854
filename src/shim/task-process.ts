import { isErrno } from "../errors/describe";
import type { ShimContext } from "./context";
import { collectChild } from "./own-child";
import type { ProcessStreams } from "./streams/process-streams";
import type { StreamRequest } from "./streams/request";
import type { ProcessEnd } from "./task-events";
import { timestampOf } from "./timestamp";
import { CallError, StatusCode } from "./ttrpc/status";

export type ProcessStatus = "created" | "running" | "stopped";

/** A shell's way to tell of a signal. */
const signalBase = 128;

/** What containerd takes for "not known": there was no process that could have had one. */
const unknownExitStatus = 255;

/** A process as the kernel knows it. */
interface Living {
  readonly pid: number;
  readonly pidfd: number;
}

/** One process of a container: its first, or one that `Exec` has announced. */
export class TaskProcess {
  private current: ProcessStatus = "created";
  private living: Living | undefined;
  private streams: ProcessStreams | undefined;
  private lastEnd: ProcessEnd | undefined;
  private resolveEnded: (end: ProcessEnd) => void = () => {};

  /** Resolves once its end is told. */
  readonly ended: Promise<ProcessEnd>;

  constructor(
    private readonly context: Pick<ShimContext, "addon" | "children">,
    readonly execId: string,
    readonly request: StreamRequest,
  ) {
    this.ended = new Promise((resolve) => {
      this.resolveEnded = resolve;
    });
  }

  get status(): ProcessStatus {
    return this.current;
  }

  /** 0 before there is one. */
  get pid(): number {
    return this.living?.pid ?? this.lastEnd?.pid ?? 0;
  }

  /** Undefined as long as it has not ended. */
  get end(): ProcessEnd | undefined {
    return this.lastEnd;
  }

  /** It is there. `pidfd` and `streams` belong to this from now on. */
  adopt(living: Living, streams: ProcessStreams): void {
    this.living = living;
    this.streams = streams;
    this.context.children.add(living.pid);
  }

  /** Its program runs, unless it has ended meanwhile. */
  markRunning(): void {
    if (this.current === "created") this.current = "running";
  }

  /** Waits for its end, and takes that from the kernel, but not before `settled`. */
  async collectEnd(settled: Promise<unknown>): Promise<ProcessEnd> {
    const living = this.living as Living;
    // Whoever starts it may still want to see how it ended.
    const { status, signal } = await collectChild(this.context, living, settled);
    this.living = undefined;
    return {
      pid: living.pid,
      exitStatus: signal === 0 ? status : signalBase + signal,
      exitedAt: timestampOf(Date.now()),
    };
  }

  /** Nothing of it runs any more. What it wrote is on its way. */
  markEnded(end: ProcessEnd): void {
    this.lastEnd = end;
    this.current = "stopped";
    // Whoever deletes it waits for that.
    this.streams?.finish().catch(() => {});
  }

  /** containerd was told, or will be before anything else. */
  tellEnded(end: ProcessEnd): void {
    this.resolveEnded(end);
  }

  /** There is no process, as it could not be started. */
  markFailed(): void {
    const end = { pid: 0, exitStatus: unknownExitStatus, exitedAt: timestampOf(Date.now()) };
    this.markEnded(end);
    this.tellEnded(end);
  }

  /** Throws NOT_FOUND when it has ended, which is what its callers tell from other failures. */
  signal(signal: number): void {
    const { living } = this;
    if (living === undefined) {
      if (this.current === "stopped") throw alreadyFinished();
      throw new CallError(StatusCode.failedPrecondition, "process not created");
    }
    try {
      this.context.addon.signalPidfd({ pidfd: living.pidfd, signal });
    } catch (cause) {
      if (isErrno(cause, "ESRCH")) throw alreadyFinished();
      throw new CallError(StatusCode.unknown, "kill", { cause });
    }
  }

  resize(columns: number, rows: number): void {
    this.streams?.resize(columns, rows);
  }

  closeInput(): void {
    this.streams?.closeInput();
  }

  /** Resolves when what it wrote is where it belongs, or nobody is there to read it. */
  async drained(): Promise<void> {
    await this.streams?.conclude();
  }
}

const alreadyFinished = () =>
  new CallError(StatusCode.notFound, "process already finished: process not found");
