import type { Addon } from "../addon/bindings";
import { isErrno } from "../errors/describe";
import { closeFile } from "../host/files";
import { endChild, reapChild, SIGKILL } from "../host/pidfds";
import { receive } from "./receive";

/**
 * The process that carries out a plan. Where the plan has a `forkInit` it begins as a first stage, which clones a
 * sibling of itself and ends; both are children of ours, and nobody but us reaps them.
 */
export class InitProcess {
  private forkedPid: number | undefined;
  private readonly forks: boolean;

  constructor(
    private readonly addon: Addon,
    private current: { readonly pid: number; readonly pidfd: number },
    { forks }: { readonly forks: boolean },
  ) {
    this.forks = forks;
  }

  get pid(): number {
    return this.current.pid;
  }

  /** Whoever keeps the process closes it. */
  get pidfd(): number {
    return this.current.pidfd;
  }

  /** The first stage has said whom it has cloned. */
  moveTo(pid: number): void {
    this.forkedPid = pid;
    const firstStage = this.current;
    this.current = { pid, pidfd: this.addon.openPidfd({ pid }) };
    reapChild(this.addon, firstStage.pidfd);
  }

  /**
   * Kills and reaps it, and the sibling that we may not know of yet. A zombie would keep the pid namespace that
   * it has joined, and that one's first process could not end.
   */
  end(linkFd: number): void {
    const { pid, pidfd } = this;
    const isLast = !this.forks || pid === this.forkedPid;
    // Both at once, while the number of the group is still theirs: what can see the sibling may have stopped it.
    if (!isLast) killIfThere(-pid);
    endChild(this.addon, pidfd);
    if (isLast) return;
    const forkedPid = this.forkedPid ?? readForkedPid(this.addon, linkFd);
    // Unannounced it has not left the process group of the first stage.
    if (forkedPid === undefined) this.addon.reapGroup({ pgid: pid });
    else this.endForked(forkedPid);
  }

  /** By pid, which is its own until it is reaped: there may be no descriptor for a pidfd. */
  private endForked(pid: number): void {
    killIfThere(pid);
    this.addon.reapProcess({ pid });
  }
}

/** A process, or with a negative number its process group: kill(2). */
function killIfThere(pid: number): void {
  try {
    process.kill(pid, SIGKILL);
  } catch (error) {
    if (!isErrno(error, "ESRCH")) throw error;
  }
}

/** What the first stage has said, and we have not read; it has ended, and says no more. */
function readForkedPid(addon: Addon, linkFd: number): number | undefined {
  for (;;) {
    const message = takeMessage(addon, linkFd);
    if (message === undefined || message.kind === "forked") return message?.pid;
  }
}

/** One that is there already. What else it says, and what came with it, is too late. */
function takeMessage(addon: Addon, linkFd: number) {
  try {
    const { message, fd } = receive(addon, linkFd, 0);
    if (fd !== undefined) closeFile(fd);
    return message;
  } catch (error) {
    if (isErrno(error, "ETIMEDOUT")) return undefined;
    throw error;
  }
}
