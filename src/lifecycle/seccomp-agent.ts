import type { Addon } from "../addon/bindings";
import { RuntimeError } from "../errors/runtime-error";
import { requests } from "../generated/plan";
import { closeFile } from "../host/files";
import { encodeMessage } from "../launch/messages";
import type { LateAnswers } from "../launch/serve-execve";
import type { SeccompListener } from "../plan/seccomp";
import { containerProcessState } from "../state/oci-state";
import type { ContainerRecord } from "../state/record";

/** An agent that does not accept, or does not read, in this time is none. */
const agentTimeoutMs = 10_000;

/**
 * The agent that answers what SCMP_ACT_NOTIFY traps: init asks for it right before it loads the filter, and
 * hands over the descriptor right after. A connection carries one state and is closed: config-linux.md#seccomp.
 */
export class SeccompAgent implements LateAnswers {
  private agentFd = -1;

  constructor(
    private readonly addon: Addon,
    /** To init; the caller closes it. */
    private readonly connection: number,
    private readonly seccompListener: SeccompListener | undefined,
    private readonly record: ContainerRecord,
    /** Whose system calls are trapped, and what the container's status is then. */
    private readonly process: { readonly pid: number; readonly status: "created" | "running" },
  ) {}

  /** Carries out what init asks for. The descriptor, if one came along, is closed. */
  answer(request: number, fd: number | undefined): void {
    try {
      if (request === requests.connectListener && this.agentFd < 0) this.connect();
      else if (request === requests.sendListener && fd !== undefined) this.send(fd);
      else throw new RuntimeError("INIT_FAILED", `init sent request ${request} out of turn`);
    } finally {
      if (fd !== undefined) closeFile(fd);
    }
    const bytes = encodeMessage({ kind: "reply", request });
    this.addon.sendMessage({ fd: this.connection, bytes, fds: [] });
  }

  close(): void {
    if (this.agentFd >= 0) closeFile(this.agentFd);
    this.agentFd = -1;
  }

  private get listener() {
    if (this.seccompListener === undefined)
      throw new RuntimeError("INIT_FAILED", "init asked for a seccomp agent, and there is none");
    return this.seccompListener;
  }

  private connect(): void {
    const { path } = this.listener;
    try {
      this.agentFd = this.addon.connectAgent({ path, timeoutMs: agentTimeoutMs });
    } catch (cause) {
      throw new RuntimeError("HOST_FAILED", `failed to connect with seccomp agent "${path}"`, {
        cause,
      });
    }
  }

  private send(listenerFd: number): void {
    const { path, metadata } = this.listener;
    const { id, init_process_pid: initPid, tsoci } = this.record;
    const state = containerProcessState({ id, ...tsoci }, { initPid, ...this.process }, metadata);
    try {
      this.addon.sendListener({ agentFd: this.agentFd, state, listenerFd });
    } catch (cause) {
      throw new RuntimeError("HOST_FAILED", `send to the seccomp agent "${path}"`, { cause });
    }
    this.close();
  }
}
