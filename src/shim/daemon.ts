import { rmSync } from "node:fs";
import type { Server } from "node:net";
import type { Addon } from "../addon/bindings";
import { describeError } from "../errors/describe";
import type { LaunchFacts } from "../host/launch-facts";
import { EventPublisher } from "./event-publisher";
import type { ShimLog } from "./log";
import { OperationPool } from "./operations/pool";
import { startThread } from "./operations/start-thread";
import { collectOrphans } from "./orphans";
import { pause } from "./pause";
import { eventSinks } from "./publish";
import type { StartRequest } from "./start-request";
import { taskServices } from "./task-service";
import { Tasks } from "./tasks";
import { serveTtrpc } from "./ttrpc/server";

/** What of its surroundings a shim goes on with. */
export interface DaemonSettings {
  readonly addon: Addon;
  readonly launch: LaunchFacts;
  readonly log: ShimLog;
}

/** How long events that are on their way may take once the shim is to end. */
const publishDeadlineMs = 5000;

/**
 * A shim: serves containerd on the listener until it is told to shut down. What goes wrong inside is logged,
 * and ends nothing: containers hang on it.
 */
export class Daemon {
  private readonly operations: OperationPool;
  private readonly publisher: EventPublisher;
  private readonly tasks: Tasks;
  private readonly settings: DaemonSettings;
  private readonly children = new Set<number>();
  /** Somebody ended while an operation ran. */
  private orphansMayWait = false;

  constructor(
    settings: DaemonSettings,
    request: Pick<StartRequest, "namespace" | "ttrpcAddress" | "grpcAddress" | "publishBinary">,
  ) {
    this.settings = settings;
    const { addon, launch, log } = settings;
    addon.becomeSubreaper();
    const start = () => startThread(launch);
    this.operations = new OperationPool(start, log.warn, () => {
      // Behind those whose operation it was: they have to say first which children are theirs.
      if (this.orphansMayWait) setImmediate(this.collectOrphans);
    });
    this.publisher = new EventPublisher({
      namespace: request.namespace,
      connect: eventSinks({ addon, launch, children: this.children }, request),
      warn: log.warn,
    });
    this.tasks = new Tasks({
      addon,
      children: this.children,
      operations: this.operations,
      publisher: this.publisher,
      namespace: request.namespace,
      nofileSoft: launch.nofileSoft ?? -1n,
      warn: log.warn,
    });
  }

  /** Resolves when it has been shut down. */
  async serve(listener: Server, socketPath: string): Promise<void> {
    const { log } = this.settings;
    process.on("SIGCHLD", this.collectOrphans);
    process.on("uncaughtException", (error) => log.error(`uncaught: ${describeError(error)}`));
    process.on("unhandledRejection", (error) => log.error(`unhandled: ${describeError(error)}`));
    let shutDown = () => {};
    const isShutDown = new Promise<void>((resolve) => {
      shutDown = resolve;
    });
    // Its containers go on; what is to become of them `delete` is asked for.
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, shutDown);
    const server = serveTtrpc(listener, taskServices(this.tasks, shutDown));
    await isShutDown;
    // Before anything else: whoever starts a container now has to find that nobody serves here.
    rmSync(socketPath, { force: true });
    const closed = server.close();
    await Promise.race([this.publisher.drained(), pause(publishDeadlineMs)]);
    await closed;
    this.publisher.close();
  }

  /** Answers every `Create` with that. */
  refuseContainers(why: string): void {
    this.settings.log.error(why);
    this.tasks.refuse(why);
  }

  private readonly collectOrphans = () => {
    this.orphansMayWait = !this.operations.isIdle;
    if (this.orphansMayWait) return;
    try {
      collectOrphans(this.settings.addon, this.children);
    } catch (error) {
      this.settings.log.warn(`collect orphans: ${describeError(error)}`);
    }
  };
}
