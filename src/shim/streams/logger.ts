import { RuntimeError } from "../../errors/runtime-error";
import { closeFile } from "../../host/files";
import { SIGKILL, signalIfAlive } from "../../host/pidfds";
import type { ShimContext } from "../context";
import { collectChild } from "../own-child";
import { hurried } from "./hurried";
import type { DrainLimits, Sink } from "./sink";

/** How long a logger may take until it is ready; the same as with containerd's own shim. */
const readyDeadlineMs = 10_000;

export interface LoggerRequest {
  readonly path: string;
  readonly args: readonly string[];
  readonly containerId: string;
}

type LoggerContext = Pick<ShimContext, "addon" | "children" | "namespace" | "nofileSoft">;

/** A program that gets what a process writes: its descriptors 3 and 4. containerd's docs/shim, "Logging". */
export class Logger {
  private constructor(
    private readonly context: LoggerContext,
    private readonly process: { readonly pid: number; readonly pidfd: number },
    readonly stdout: Sink,
    readonly stderr: Sink,
  ) {
    context.children.add(process.pid);
  }

  /** Starts it, and waits until it has closed its descriptor 5, or written to it. */
  static async start(context: LoggerContext, request: LoggerRequest): Promise<Logger> {
    const { addon } = context;
    const [out, err, ready] = [addon.openPipe(), addon.openPipe(), addon.openPipe()];
    const ofProgram = [out.readFd, err.readFd, ready.writeFd];
    try {
      const process = startProgram(context, request, ofProgram, [out.writeFd, err.writeFd]);
      const sinks = [new PipeSink(out.writeFd), new PipeSink(err.writeFd)] as const;
      const logger = new Logger(context, process, ...sinks);
      closeFile(ready.writeFd);
      ready.writeFd = -1;
      const isReady = await addon.waitReadableAsync({
        fd: ready.readFd,
        timeoutMs: readyDeadlineMs,
      });
      if (isReady) return logger;
      for (const sink of sinks) sink.handOver();
      await logger.finish({ written: AbortSignal.abort() });
      const problem = `was not ready after ${readyDeadlineMs} ms`;
      throw new RuntimeError("HOST_FAILED", `the logger "${request.path}" ${problem}`);
    } finally {
      for (const fd of [out.readFd, err.readFd, ready.readFd, ready.writeFd]) {
        if (fd >= 0) closeFile(fd);
      }
    }
  }

  /** It has the end of its input: resolves when it has ended, or was killed at the deadline. */
  async finish({ written: deadline }: Pick<DrainLimits, "written">): Promise<void> {
    const kill = () => signalIfAlive(this.context.addon, this.process.pidfd, SIGKILL);
    await hurried(collectChild(this.context, this.process), deadline, kill);
  }
}

/** `own` is what it gets; `others` are closed when it cannot be started. */
function startProgram(
  context: LoggerContext,
  request: LoggerRequest,
  own: readonly number[],
  others: readonly number[],
) {
  const { addon, namespace, nofileSoft } = context;
  const { path, args, containerId } = request;
  try {
    return addon.startProgram({
      path,
      args: [path, ...args],
      env: [`CONTAINER_ID=${containerId}`, `CONTAINER_NAMESPACE=${namespace}`],
      fds: [0, 1, 2, ...own],
      nofileSoft,
      bindSource: "",
      bindTarget: "",
    });
  } catch (cause) {
    for (const fd of others) closeFile(fd);
    throw new RuntimeError("HOST_FAILED", `start the logger "${path}"`, { cause });
  }
}

class PipeSink implements Sink {
  constructor(readonly fd: number) {}

  handOver(): void {
    closeFile(this.fd);
  }

  /** The logger reads to the end by itself. */
  async finish(): Promise<void> {}
}
