import { loadAddon } from "../addon/addon";
import type { Addon } from "../addon/bindings";
import { readConfig } from "../bundle/read-config";
import type { CgroupStats } from "../cgroups/stats/types";
import { RuntimeError } from "../errors/runtime-error";
import type { Resources } from "../generated/config";
import { closeFile } from "../host/files";
import type { LaunchFacts } from "../host/launch-facts";
import { createContainer } from "../lifecycle/create";
import { deleteContainer } from "../lifecycle/delete";
import { readContainerStats } from "../lifecycle/events";
import { startProcess } from "../lifecycle/exec";
import { explainBundle, type PlanExplanation } from "../lifecycle/explain";
import { killContainer } from "../lifecycle/kill";
import { listContainers } from "../lifecycle/list";
import { pauseContainer, resumeContainer } from "../lifecycle/pause";
import { listContainerProcesses } from "../lifecycle/processes";
import type { RuntimeOptions as LifecycleOptions } from "../lifecycle/requests";
import { startContainer } from "../lifecycle/start";
import { readState } from "../lifecycle/state";
import { updateContainer } from "../lifecycle/update";
import type { Issue } from "../spec/issue";
import { parseConfig } from "../spec/parse-config";
import { assertContainerId } from "../state/container-id";
import type { ContainerState } from "../state/oci-state";
import { openInit } from "../state/open-init";
import type { ContainerRecord } from "../state/record";
import { hasRecord, loadRecord } from "../state/store";
import { adoptChild, type Child, findChild, forgetChild } from "./children";
import { ContainerProcess } from "./container-process";
import { type ExecOptions, execRequestOf } from "./exec-options";
import { inheritedFrom3, libraryLaunchFacts } from "./launch-facts";
import {
  absolute,
  type CreateOptions,
  checkedTimeout,
  quote,
  type RuntimeSettings,
  requestOf,
  signalOf,
  stateRootOf,
} from "./options";

/** How a container's program ended. */
export interface ContainerEnd {
  /** Its exit status, 0 when a signal ended it; undefined when it is no child of this process. */
  readonly status: number | undefined;
  /** The number of the signal that ended it, or 0; undefined when it is no child of this process. */
  readonly signal: number | undefined;
}

/** What `validate` finds. */
export interface Validation {
  readonly valid: boolean;
  /** What breaks the specification, in the order of the file. Empty when valid. */
  readonly issues: readonly Issue[];
  /** What is allowed and unwise. */
  readonly warnings: readonly Issue[];
}

/**
 * Containers from a program: the operations of the specification (runtime.md#operations) on one state root.
 * The command `tsoci` sees the same containers, and the other way round.
 *
 * All operations are synchronous: each is a short sequence of system calls whose order is the point, and that
 * takes milliseconds. Only what the config makes longer takes longer, such as hooks. The one thing that has
 * no bounded time is the end of a container, so `wait` is a promise, and leaves the event loop free.
 *
 * A container is a child of the process that created it and outlives it. As with any child, the kernel keeps
 * its exit status until it is asked for: by `wait` or by `delete`.
 *
 * Every failure is a RuntimeError; its `code` is one of `errorCodes`, and `cause` says why.
 */
export class Runtime {
  private readonly stateRoot: string;
  private readonly warn: (message: string) => void;
  private readonly addon: Addon;
  private readonly systemdCgroup: boolean;

  /** Throws USAGE when `root` is empty or "/", and HOST_FAILED when the native part is not built. */
  constructor(settings: RuntimeSettings = {}) {
    this.stateRoot = stateRootOf(settings.root);
    this.warn = settings.warn ?? warnProcess;
    this.addon = loadAddon();
    this.systemdCgroup = settings.systemdCgroup ?? false;
  }

  /**
   * Makes a container, all of it except its program: runtime.md#create. When it fails, nothing is left.
   *
   * Throws ID_INVALID, ID_TAKEN, BUNDLE_UNREADABLE, CONFIG_INVALID, CONFIG_UNSUPPORTED, CGROUP_FAILED,
   * HOOK_FAILED, INIT_FAILED, INIT_DIED, HOST_FAILED or USAGE.
   */
  create(options: CreateOptions): void {
    within(`create ${quote(options.id)}`, () => {
      assertContainerId(options.id);
      const request = requestOf(options);
      adoptChild(createContainer(this.lifecycle(request.preserveFds), request));
    });
  }

  /**
   * Runs the program of a created container: runtime.md#start. Returns when it runs and the poststart hooks
   * have ended.
   *
   * Throws CONTAINER_UNKNOWN, CONTAINER_WRONG_STATUS, PROGRAM_FAILED (the container is stopped then),
   * HOOK_FAILED (it is deleted then), INIT_FAILED, INIT_DIED or HOST_FAILED.
   */
  start(id: string): void {
    within(`start ${quote(id)}`, () => {
      assertContainerId(id);
      const record = this.recordIfAny(id);
      try {
        startContainer(this.lifecycle(), { id });
      } catch (error) {
        // It is deleted then, and nobody would ever ask for the end of its init.
        const isDeleted = error instanceof RuntimeError && error.code === "HOOK_FAILED";
        if (isDeleted && record !== undefined) forgetChild(this.addon, record);
        throw error;
      }
    });
  }

  /** `create` and `start`. When either fails, nothing is left. Throws what they throw. */
  run(options: CreateOptions): void {
    this.create(options);
    try {
      this.start(options.id);
    } catch (error) {
      this.delete(options.id, { force: true });
      throw error;
    }
  }

  /**
   * Runs a further process in a container that is created or running, as a child of this process. Returns when
   * its program runs. When it fails, nothing of it is left.
   *
   * Throws CONTAINER_UNKNOWN, CONTAINER_WRONG_STATUS, CONFIG_INVALID for a process that cannot be one,
   * CONFIG_UNSUPPORTED, PROGRAM_FAILED, CGROUP_FAILED, INIT_FAILED, INIT_DIED, HOST_FAILED or USAGE.
   */
  exec(id: string, options: ExecOptions): ContainerProcess {
    return within(`exec ${quote(id)}`, () => {
      assertContainerId(id);
      const request = execRequestOf(id, options);
      const { pid, pidfd } = startProcess(this.lifecycle(request.preserveFds), request);
      closeFile(pidfd);
      return new ContainerProcess(this.addon, pid);
    });
  }

  /** The container's state: runtime.md#state. Throws CONTAINER_UNKNOWN or STATE_UNREADABLE. */
  state(id: string): ContainerState {
    return within(`state ${quote(id)}`, () => {
      assertContainerId(id);
      return readState(this.lifecycle(), id);
    });
  }

  /** All containers of the state root, by id. One whose record cannot be read is warned about and left out. */
  list(): ContainerState[] {
    return within("list", () => listContainers(this.lifecycle()));
  }

  /**
   * Waits until the container has ended; created ones count as not ended. The event loop goes on meanwhile,
   * and is kept alive. May be called any number of times, also for a container that has ended already.
   *
   * With `timeoutMs`, in milliseconds, the promise resolves to undefined when that has passed. It rejects with
   * CONTAINER_UNKNOWN, STATE_UNREADABLE, CONTAINER_WRONG_STATUS (still being created), USAGE or HOST_FAILED.
   */
  wait(id: string): Promise<ContainerEnd>;
  wait(id: string, options: { readonly timeoutMs: number }): Promise<ContainerEnd | undefined>;
  async wait(
    id: string,
    options: { readonly timeoutMs?: number } = {},
  ): Promise<ContainerEnd | undefined> {
    const timeoutMs = checkedTimeout(options.timeoutMs);
    const { child, pidfd } = this.watch(id);
    if (pidfd === undefined) return this.endOf(child);
    try {
      // The native side keeps a descriptor of its own.
      const ended = closing(pidfd, () => this.addon.waitReadableAsync({ fd: pidfd, timeoutMs }));
      return (await ended) ? this.endOf(child) : undefined;
    } catch (cause) {
      throw hostFailure(`wait for ${quote(id)}`, cause);
    }
  }

  /** The same, and blocks the thread, the event loop with it. Throws what `wait` rejects with. */
  waitSync(id: string): ContainerEnd;
  waitSync(id: string, options: { readonly timeoutMs: number }): ContainerEnd | undefined;
  waitSync(id: string, options: { readonly timeoutMs?: number } = {}): ContainerEnd | undefined {
    const timeoutMs = checkedTimeout(options.timeoutMs);
    const { child, pidfd } = this.watch(id);
    if (pidfd === undefined) return this.endOf(child);
    return within(`wait for ${quote(id)}`, () => {
      const ended = closing(pidfd, () => this.addon.waitPidfd({ pidfd, timeoutMs }));
      return ended ? this.endOf(child) : undefined;
    });
  }

  /**
   * Sends a signal to the container's process: runtime.md#kill. A name as "TERM" or "SIGTERM", or a number;
   * 0 only asks whether it can be signalled. With `all` every process of the container gets it, and a stopped
   * container is no error then.
   *
   * Throws CONTAINER_UNKNOWN, CONTAINER_WRONG_STATUS, USAGE for a signal that there is not, or HOST_FAILED.
   */
  kill(
    id: string,
    signal: string | number = "TERM",
    options: { readonly all?: boolean } = {},
  ): void {
    within(`kill ${quote(id)}`, () => {
      assertContainerId(id);
      killContainer(this.lifecycle(), { id, signal: signalOf(signal), all: options.all === true });
    });
  }

  /**
   * Stops every process of a created or running container where it is, until `resume`; its status is `paused`.
   *
   * Throws CONTAINER_UNKNOWN, CONTAINER_WRONG_STATUS or CGROUP_FAILED.
   */
  pause(id: string): void {
    within(`pause ${quote(id)}`, () => {
      assertContainerId(id);
      pauseContainer(this.lifecycle(), id);
    });
  }

  /** Lets a paused container go on. Throws CONTAINER_UNKNOWN, CONTAINER_WRONG_STATUS or CGROUP_FAILED. */
  resume(id: string): void {
    within(`resume ${quote(id)}`, () => {
      assertContainerId(id);
      resumeContainer(this.lifecycle(), id);
    });
  }

  /**
   * The pids of all processes of a container, as this process sees them; none when it has stopped. Those of a
   * container without a cgroup of its own are not known.
   *
   * Throws CONTAINER_UNKNOWN or CGROUP_FAILED.
   */
  processes(id: string): number[] {
    return within(`processes of ${quote(id)}`, () => {
      assertContainerId(id);
      return listContainerProcesses(this.lifecycle(), id);
    });
  }

  /**
   * What the kernel counts of a container that has not stopped: processor time, memory, processes, block I/O.
   *
   * Throws CONTAINER_UNKNOWN, CONTAINER_WRONG_STATUS or CGROUP_FAILED.
   */
  stats(id: string): CgroupStats {
    return within(`stats of ${quote(id)}`, () => {
      assertContainerId(id);
      return readContainerStats(this.lifecycle(), id);
    });
  }

  /**
   * Applies `linux.resources` to a living container: config-linux.md#control-groups. What they do not name stays
   * as it is, and so do limits before one that the kernel refuses.
   *
   * Throws CONTAINER_UNKNOWN, CONTAINER_WRONG_STATUS, CONFIG_INVALID, CONFIG_UNSUPPORTED or CGROUP_FAILED.
   */
  update(id: string, resources: Resources): void {
    within(`update ${quote(id)}`, () => {
      assertContainerId(id);
      updateContainer(this.lifecycle(), id, resources);
    });
  }

  /**
   * Removes what `create` made: runtime.md#delete. The container has to be stopped or created; with `force` it
   * may be running too, and may be gone already.
   *
   * Throws CONTAINER_UNKNOWN, CONTAINER_WRONG_STATUS, CGROUP_FAILED or HOST_FAILED.
   */
  delete(id: string, options: { readonly force?: boolean } = {}): void {
    within(`delete ${quote(id)}`, () => {
      assertContainerId(id);
      const before = this.recordIfAny(id);
      try {
        const record = deleteContainer(this.lifecycle(), { id, force: options.force === true });
        if (record !== undefined) forgetChild(this.addon, record);
      } catch (error) {
        // Without the record a second `delete` would not know whose end to ask for.
        if (before !== undefined && !hasRecord(this.stateRoot, id)) forgetChild(this.addon, before);
        throw error;
      }
    });
  }

  /** Checks a bundle's config.json, and finds everything that is wrong with it. Throws BUNDLE_UNREADABLE. */
  validate(bundle: string): Validation {
    return within(`validate ${quote(bundle)}`, () => {
      const parsed = parseConfig(readConfig(absolute(bundle)));
      const issues = parsed.ok ? [] : parsed.issues;
      return { valid: parsed.ok, issues, warnings: parsed.warnings };
    });
  }

  /**
   * What `create` and `start` would do with this bundle on this machine, step by step; nothing is changed.
   * Throws BUNDLE_UNREADABLE, CONFIG_INVALID, CONFIG_UNSUPPORTED or HOST_FAILED.
   */
  explain(bundle: string, options: { readonly id?: string } = {}): PlanExplanation {
    return within(`explain ${quote(bundle)}`, () => {
      if (options.id !== undefined) assertContainerId(options.id);
      return explainBundle(absolute(bundle), options);
    });
  }

  private lifecycle(preserveFds = 0): LifecycleOptions {
    const { stateRoot, warn, addon } = this;
    const facts = libraryLaunchFacts(process.env);
    const launch: LaunchFacts =
      preserveFds === 0 ? facts : { ...facts, openFds: inheritedFrom3(preserveFds) };
    return { stateRoot, warn, addon, launch, rootless: "auto", systemdCgroup: this.systemdCgroup };
  }

  /** What to wait for; no descriptor when it has ended. The caller closes it. */
  private watch(id: string): {
    readonly child: Child | undefined;
    readonly pidfd: number | undefined;
  } {
    return within(`wait for ${quote(id)}`, () => {
      assertContainerId(id);
      const record = loadRecord(this.stateRoot, id);
      if (record.init_process_pid === 0) {
        throw new RuntimeError("CONTAINER_WRONG_STATUS", "container is still being created");
      }
      const child = findChild(record);
      if (child === undefined) return { child, pidfd: openInit(this.addon, record) };
      return { child, pidfd: child.isCollected ? undefined : child.open(this.addon) };
    });
  }

  private endOf(child: Child | undefined): ContainerEnd {
    return child?.collect(this.addon) ?? { status: undefined, signal: undefined };
  }

  /** For what comes after `start`, which itself says what is wrong with a record. */
  private recordIfAny(id: string): ContainerRecord | undefined {
    try {
      return loadRecord(this.stateRoot, id);
    } catch (error) {
      if (error instanceof RuntimeError) return undefined;
      throw error;
    }
  }
}

function within<Result>(doing: string, operation: () => Result): Result {
  try {
    return operation();
  } catch (cause) {
    throw hostFailure(doing, cause);
  }
}

/** A failure that has no code yet is one of the host, and is told with the operation that it ended. */
function hostFailure(doing: string, cause: unknown): RuntimeError {
  return cause instanceof RuntimeError ? cause : new RuntimeError("HOST_FAILED", doing, { cause });
}

function closing<Result>(fd: number, use: () => Result): Result {
  try {
    return use();
  } finally {
    closeFile(fd);
  }
}

function warnProcess(message: string): void {
  process.emitWarning(message, "TsociWarning");
}
