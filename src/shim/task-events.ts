import { TaskExecAdded, TaskExecStarted, TaskExit, TaskStart } from "../generated/shim/events";
import type { Timestamp } from "../generated/shim/timestamp";
import type { EventPublisher } from "./event-publisher";

/** How a process ended. */
export interface ProcessEnd {
  readonly pid: number;
  /** Its exit status, or 128 and the number of the signal that ended it. */
  readonly exitStatus: number;
  readonly exitedAt: Timestamp;
}

/** The exec id of a container's first process, as requests have it. */
export const firstProcess = "";

/**
 * The events of one container's processes, in the order that containerd relies on, whatever the order in which
 * the shim learns of things:
 *
 * - start before exit, although a short process has often ended before its start is known to have worked;
 * - the exit of the first process after those of all others, as containerd forgets the container with it.
 */
export class TaskEvents {
  private readonly containerId: string;
  private readonly publisher: Pick<EventPublisher, "publish">;
  /** Processes whose start or end is still to be told. */
  private readonly alive = new Set<string>();
  /** Those of them whose start is not known yet. */
  private readonly starting = new Set<string>();
  /** Ends that have to wait. */
  private readonly held = new Map<string, ProcessEnd>();

  /** `told` hears of each end that was told. */
  constructor(
    containerId: string,
    publisher: Pick<EventPublisher, "publish">,
    private readonly told: (execId: string, end: ProcessEnd) => void = () => {},
  ) {
    this.containerId = containerId;
    this.publisher = publisher;
  }

  execAdded(execId: string): void {
    const { containerId } = this;
    this.publisher.publish("/tasks/exec-added", TaskExecAdded, { containerId, execId });
  }

  /** To be called before the process can run: from here on its end may come. */
  beginStart(execId: string): void {
    this.alive.add(execId);
    this.starting.add(execId);
  }

  started(execId: string, pid: number): void {
    const { containerId, publisher } = this;
    if (execId === firstProcess) {
      publisher.publish("/tasks/start", TaskStart, { containerId, pid });
    } else {
      publisher.publish("/tasks/exec-started", TaskExecStarted, { containerId, execId, pid });
    }
    this.starting.delete(execId);
    this.release();
  }

  /**
   * A further process never was one, so that there is no end of it to tell either. The first is there since
   * the container is, and its end will come.
   */
  startFailed(execId: string): void {
    this.starting.delete(execId);
    this.alive.delete(execId);
    if (execId !== firstProcess) this.held.delete(execId);
    this.release();
  }

  /** Once for each process, also before `started`. */
  ended(execId: string, end: ProcessEnd): void {
    this.held.set(execId, end);
    this.release();
  }

  /** Tells those ends that nothing is missing for any more, the first process's last. */
  private release(): void {
    for (const [execId, end] of this.held) {
      if (execId !== firstProcess && !this.starting.has(execId)) this.tellEnd(execId, end);
    }
    const last = this.held.get(firstProcess);
    if (last === undefined || this.starting.has(firstProcess)) return;
    this.alive.delete(firstProcess);
    if (this.alive.size === 0) this.tellEnd(firstProcess, last);
  }

  private tellEnd(execId: string, end: ProcessEnd): void {
    this.held.delete(execId);
    this.alive.delete(execId);
    const { containerId } = this;
    const id = execId === firstProcess ? containerId : execId;
    this.publisher.publish("/tasks/exit", TaskExit, { containerId, id, ...end });
    this.told(execId, end);
  }
}
