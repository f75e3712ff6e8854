import type { Addon } from "../addon/bindings";
import { RuntimeError } from "../errors/runtime-error";
import { closeFile } from "../host/files";
import { signalIfAlive } from "../host/pidfds";
import { Child, type ChildEnd } from "./children";
import { checkedTimeout, signalOf } from "./options";

/**
 * A further process of a container, that `exec` has started. It is a child of this process: the kernel keeps
 * its exit status, and with it the pid, until `wait` has asked for it.
 */
export class ContainerProcess {
  private readonly child: Child;

  /** @internal */
  constructor(
    private readonly addon: Addon,
    /** As this process sees it; in the container it is another number. */
    readonly pid: number,
  ) {
    this.child = new Child(pid);
  }

  /**
   * Waits until it has ended: its exit status, and the number of the signal that ended it, or 0. The event
   * loop goes on meanwhile, and is kept alive. May be called any number of times, also after its end.
   *
   * With `timeoutMs`, in milliseconds, the promise resolves to undefined when that has passed. It rejects with
   * USAGE or HOST_FAILED.
   */
  wait(): Promise<ChildEnd>;
  wait(options: { readonly timeoutMs: number }): Promise<ChildEnd | undefined>;
  async wait(options: { readonly timeoutMs?: number } = {}): Promise<ChildEnd | undefined> {
    const timeoutMs = checkedTimeout(options.timeoutMs);
    if (this.child.isCollected) return this.child.collect(this.addon);
    try {
      const ended = this.withPidfd((pidfd) =>
        this.addon.waitReadableAsync({ fd: pidfd, timeoutMs }),
      );
      return (await ended) ? this.child.collect(this.addon) : undefined;
    } catch (cause) {
      throw this.failure("wait for", cause);
    }
  }

  /** Sends it a signal, by name or number; one that has ended gets none. Throws USAGE or HOST_FAILED. */
  kill(signal: string | number = "TERM"): void {
    const number = signalOf(signal);
    if (this.child.isCollected) return;
    try {
      this.withPidfd((pidfd) => signalIfAlive(this.addon, pidfd, number));
    } catch (cause) {
      throw this.failure("signal", cause);
    }
  }

  private failure(doing: string, cause: unknown): RuntimeError {
    return new RuntimeError("HOST_FAILED", `${doing} process ${this.pid}`, { cause });
  }

  private withPidfd<Result>(use: (pidfd: number) => Result): Result {
    const pidfd = this.child.open(this.addon);
    try {
      return use(pidfd);
    } finally {
      closeFile(pidfd);
    }
  }
}
