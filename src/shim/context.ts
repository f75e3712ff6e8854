import type { Addon } from "../addon/bindings";
import type { EventPublisher } from "./event-publisher";
import type { OperationPool } from "./operations/pool";

/** What all containers of one shim have in common. */
export interface ShimContext {
  readonly addon: Addon;
  readonly operations: Pick<OperationPool, "run">;
  readonly publisher: Pick<EventPublisher, "publish">;
  /** Pids of what this shim started itself and has not collected yet. */
  readonly children: Set<number>;
  /** containerd's namespace. */
  readonly namespace: string;
  /** The soft RLIMIT_NOFILE of who started the shim, for the programs that it starts; -1n when not known. */
  readonly nofileSoft: bigint;
  /** Told, in one line, what goes on without something. */
  warn(message: string): void;
}
