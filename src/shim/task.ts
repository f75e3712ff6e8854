import { type OomWatch, watchOom } from "../cgroups/oom-watch";
import { describeError } from "../errors/describe";
import {
  TaskCheckpointed,
  TaskCreate,
  TaskDelete,
  TaskOOM,
  TaskPaused,
  TaskResumed,
} from "../generated/shim/events";
import type { Mount } from "../generated/shim/types";
import { SIGKILL } from "../host/pidfds";
import { lastSignal } from "../host/signals";
import type { CheckpointRequest } from "../lifecycle/requests";
import type { ShimContext } from "./context";
import type { CreatedContainer } from "./operations/operations";
import type {
  OperationAnswer,
  OperationName,
  OperationRequest,
  RuntimeChoice,
} from "./operations/protocol";
import { type Owner, ProcessStreams } from "./streams/process-streams";
import type { StreamRequest } from "./streams/request";
import { firstProcess, type ProcessEnd, TaskEvents } from "./task-events";
import { TaskProcess } from "./task-process";
import { CallError, StatusCode } from "./ttrpc/status";

/** How long a watch may outlive the cgroup of its container. */
const lookAfterMs = 30_000;

/** How a container comes to be, after its streams are open. */
export type Bring = (streams: ProcessStreams) => Promise<CreatedContainer>;

/** Where a container comes from. */
export interface Origin {
  readonly rootfs: readonly Mount[];
  /** Directory of a checkpoint, or "". */
  readonly checkpoint: string;
}

/** What `Create` says of a container. */
export interface TaskIdentity {
  readonly id: string;
  readonly bundle: string;
  readonly runtime: RuntimeChoice;
  /** Who is to own its streams: root of its user namespace. */
  readonly owner: Owner;
}

/** One container, as containerd's task: its processes, and what is told of them. */
export class Task {
  private readonly processes = new Map<string, TaskProcess>();
  private readonly execSpecs = new Map<string, string>();
  private readonly first: TaskProcess;
  private readonly events: TaskEvents;
  private container: CreatedContainer | undefined;
  private starting: Promise<unknown> = Promise.resolve();
  private deleting: Promise<ProcessEnd> | undefined;
  private isStarting = false;
  private isPaused = false;
  /** What `start` is to do with a container that comes from a checkpoint. */
  private restoring: Bring | undefined;

  constructor(
    private readonly context: ShimContext,
    readonly identity: TaskIdentity,
    request: StreamRequest,
  ) {
    this.first = new TaskProcess(context, firstProcess, request);
    this.processes.set(firstProcess, this.first);
    this.events = new TaskEvents(identity.id, context.publisher, (execId, end) =>
      this.processes.get(execId)?.tellEnded(end),
    );
  }

  /**
   * Makes the container; all of it but its program, and returns its pid. Nothing is left when it throws. One that
   * is restored from a checkpoint comes to be when it is started, as its program runs at once: its pid is 0.
   */
  async create(bring: Bring, { rootfs, checkpoint }: Origin): Promise<number> {
    const { id: containerId, bundle } = this.identity;
    if (checkpoint === "") await this.bring(bring);
    else this.restoring = bring;
    const { pid, request: io } = this.first;
    const told = { containerId, bundle, rootfs: [...rootfs], io, checkpoint, pid };
    this.publish("/tasks/create", TaskCreate, told);
    return pid;
  }

  private async bring(bring: Bring): Promise<void> {
    const streams = await this.openStreams(this.first.request);
    try {
      this.container = await bring(streams);
      streams.handOver(this.container.masterFd);
    } catch (error) {
      await streams.abandon();
      throw error;
    }
    this.first.adopt(this.container, streams);
    this.watchOom(this.container);
    void this.followFirst();
  }

  private openStreams(request: StreamRequest): Promise<ProcessStreams> {
    return ProcessStreams.open(this.context, request, this.identity);
  }

  private async followFirst(): Promise<void> {
    const end = await this.first.collectEnd(this.whenStarted());
    if (this.container?.ownPidNamespace === false) await this.killOthers();
    this.first.markEnded(end);
    this.events.ended(firstProcess, end);
  }

  /** A start that begins while it is waited for is one that finds a stopped container. */
  private async whenStarted(): Promise<void> {
    await this.starting.catch(() => {});
  }

  /** They would live on without it, as they are in no pid namespace that ends with it. */
  private async killOthers(): Promise<void> {
    try {
      await this.run("kill", { id: this.identity.id, signal: SIGKILL, all: true });
    } catch (error) {
      this.context.warn(`kill what is left of "${this.identity.id}": ${describeError(error)}`);
    }
  }

  private watchOom({ cgroupPaths }: CreatedContainer): void {
    let watch: OomWatch | undefined;
    try {
      watch = watchOom(this.context.addon, cgroupPaths);
    } catch (error) {
      this.context.warn(`"${this.identity.id}": ${describeError(error)}`);
    }
    if (watch !== undefined) void this.followOom(watch);
  }

  /** Until the cgroup is removed, of which v1 tells too; on v2 one has to look. */
  private async followOom(watch: OomWatch): Promise<void> {
    const { id: containerId } = this.identity;
    const wait = { fd: watch.fd, timeoutMs: lookAfterMs };
    while (!watch.isOver()) {
      const isTold = await this.context.addon.waitReadableAsync(wait);
      if (isTold && watch.hasHappened()) this.publish("/tasks/oom", TaskOOM, { containerId });
    }
    watch.close();
  }

  /** Runs the program of the first process, or a process that was announced. Returns its pid. */
  start(execId: string): Promise<number> {
    return execId === firstProcess ? this.startFirst() : this.startFurther(execId);
  }

  private async startFirst(): Promise<number> {
    // The second would fail, and with it what is known of the first.
    if (this.isStarting) {
      throw new CallError(StatusCode.failedPrecondition, "the container is being started already");
    }
    this.isStarting = true;
    try {
      return await this.startFirstAlone();
    } finally {
      this.isStarting = false;
    }
  }

  private async startFirstAlone(): Promise<number> {
    this.events.beginStart(firstProcess);
    const started =
      this.restoring === undefined
        ? this.run("start", { id: this.identity.id })
        : this.bring(this.restoring);
    this.restoring = undefined;
    this.starting = started;
    try {
      await started;
    } catch (error) {
      this.events.startFailed(firstProcess);
      this.giveUpRestoring();
      throw error;
    }
    this.first.markRunning();
    const { pid } = this.first;
    this.events.started(firstProcess, pid);
    return pid;
  }

  /** One that was to come from a checkpoint, and has not: nothing else will end. */
  private giveUpRestoring(): void {
    if (this.container === undefined && this.first.end === undefined) this.first.markFailed();
  }

  private async startFurther(execId: string): Promise<number> {
    const process = this.process(execId);
    const processText = this.execSpecs.get(execId);
    if (processText === undefined) {
      throw new CallError(StatusCode.failedPrecondition, `process "${execId}" was started before`);
    }
    this.execSpecs.delete(execId);
    this.events.beginStart(execId);
    try {
      await this.launch(process, processText);
    } catch (error) {
      process.markFailed();
      this.events.startFailed(execId);
      throw error;
    }
    const { pid } = process;
    process.markRunning();
    this.events.started(execId, pid);
    void this.followFurther(process);
    return pid;
  }

  private async launch(process: TaskProcess, processText: string): Promise<void> {
    const streams = await this.openStreams(process.request);
    try {
      const { id } = this.identity;
      const started = await this.run("exec", { id, processText, streams: streams.forProcess });
      streams.handOver(started.masterFd);
      process.adopt(started, streams);
    } catch (error) {
      await streams.abandon();
      throw error;
    }
  }

  private async followFurther(process: TaskProcess): Promise<void> {
    const end = await process.collectEnd(Promise.resolve());
    process.markEnded(end);
    this.events.ended(process.execId, end);
  }

  /** Announces a process; `start` runs it. */
  announce(execId: string, request: StreamRequest, processText: string): void {
    if (this.processes.has(execId)) {
      throw new CallError(StatusCode.alreadyExists, `process "${execId}" already exists`);
    }
    this.processes.set(execId, new TaskProcess(this.context, execId, request));
    this.execSpecs.set(execId, processText);
    this.events.execAdded(execId);
  }

  /** Throws NOT_FOUND. */
  process(execId: string): TaskProcess {
    const process = this.processes.get(execId);
    if (process === undefined) {
      const what = `process "${execId}" of container "${this.identity.id}"`;
      throw new CallError(StatusCode.notFound, `${what} does not exist: not found`);
    }
    return process;
  }

  /** By pid, the exec ids of those that were not there from the beginning. */
  execIdsByPid(): Map<number, string> {
    const further = [...this.processes.values()].filter(({ execId }) => execId !== firstProcess);
    return new Map(further.map(({ pid, execId }) => [pid, execId]));
  }

  get status(): "created" | "running" | "stopped" | "paused" {
    return this.isPaused && this.first.status === "running" ? "paused" : this.first.status;
  }

  async kill(execId: string, signal: number, all: boolean): Promise<void> {
    const process = this.process(execId);
    if (signal > lastSignal) {
      const message = `the signal is ${signal}, and may be ${lastSignal} at most`;
      throw new CallError(StatusCode.invalidArgument, message);
    }
    const reachesOthers = all || this.isPaused || this.container?.ownPidNamespace === false;
    if (execId !== firstProcess || !reachesOthers) process.signal(signal);
    else await this.run("kill", { id: this.identity.id, signal, all });
  }

  async pause(): Promise<void> {
    const { id: containerId } = this.identity;
    await this.run("pause", { id: containerId });
    this.isPaused = true;
    this.publish("/tasks/paused", TaskPaused, { containerId });
  }

  async resume(): Promise<void> {
    const { id: containerId } = this.identity;
    await this.run("resume", { id: containerId });
    this.isPaused = false;
    this.publish("/tasks/resumed", TaskResumed, { containerId });
  }

  async checkpoint(request: CheckpointRequest): Promise<void> {
    await this.run("checkpoint", request);
    const told = { containerId: this.identity.id, checkpoint: request.imageDir };
    this.publish("/tasks/checkpointed", TaskCheckpointed, told);
  }

  processesOf = () => this.run("processes", { id: this.identity.id });
  stats = () => this.run("stats", { id: this.identity.id });
  update = (resourcesText: string) => this.run("update", { id: this.identity.id, resourcesText });

  /** Forgets a process that does not run, and answers how it ended. */
  async deleteFurther(execId: string): Promise<ProcessEnd | undefined> {
    const process = this.process(execId);
    const isStarting = process.status === "created" && !this.execSpecs.has(execId);
    if (isStarting || process.status === "running") {
      throw new CallError(StatusCode.failedPrecondition, `process "${execId}" is running`);
    }
    await process.drained();
    this.processes.delete(execId);
    this.execSpecs.delete(execId);
    return process.end;
  }

  /** Removes the container, which has to be stopped or never started. Answers how its first process ended. */
  delete(): Promise<ProcessEnd> {
    this.deleting ??= this.remove().catch((error: unknown) => {
      this.deleting = undefined;
      throw error;
    });
    return this.deleting;
  }

  private async remove(): Promise<ProcessEnd> {
    const { id, bundle } = this.identity;
    await this.run("delete", { id, force: false, rootfsDir: `${bundle}/rootfs` });
    this.giveUpRestoring();
    const end = await this.first.ended;
    await this.first.drained();
    this.publish("/tasks/delete", TaskDelete, { ...end, containerId: id, id: "" });
    return end;
  }

  private readonly run: RunOperation = (name, request) =>
    this.context.operations.run(name, this.identity.runtime, request);

  private publish: ShimContext["publisher"]["publish"] = (topic, type, message) =>
    this.context.publisher.publish(topic, type, message);
}

type RunOperation = <Name extends OperationName>(
  name: Name,
  request: OperationRequest<Name>,
) => Promise<OperationAnswer<Name>>;
