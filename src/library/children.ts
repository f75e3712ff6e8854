import type { Addon } from "../addon/bindings";
import type { ContainerRecord } from "../state/record";

/** How the program of a container ended that is a child of this process. */
export interface ChildEnd {
  readonly status: number;
  readonly signal: number;
}

/**
 * A container's init that this process cloned. Until we have asked for its end the kernel keeps that for us,
 * and with it the pid: nobody else can get it meanwhile.
 */
export class Child {
  private end: ChildEnd | undefined;

  constructor(private readonly pid: number) {}

  /** Whether somebody has asked for its end yet. */
  get isCollected(): boolean {
    return this.end !== undefined;
  }

  /** A pidfd of a child whose end nobody has asked for. The caller closes it. */
  open(addon: Addon): number {
    return addon.openPidfd({ pid: this.pid });
  }

  /** How it ended. Blocks until it has; may be asked as often as one likes. */
  collect(addon: Addon): ChildEnd {
    // Takes no descriptor: after `delete` nobody would ask again, and there may be none left.
    this.end ??= addon.reapProcess({ pid: this.pid });
    return this.end;
  }
}

/** Of the whole process and not of one Runtime: two of them may share a state root. */
const children = new Map<string, Child>();

const keyOf = ({ init_process_pid, init_process_start }: ContainerRecord) =>
  `${init_process_pid} ${init_process_start}`;

export function adoptChild(record: ContainerRecord): void {
  children.set(keyOf(record), new Child(record.init_process_pid));
}

export const findChild = (record: ContainerRecord) => children.get(keyOf(record));

/** Lets go of a child whose container is gone; its end is collected, so that no zombie stays. */
export function forgetChild(addon: Addon, record: ContainerRecord): void {
  findChild(record)?.collect(addon);
  children.delete(keyOf(record));
}
