import type { Addon } from "../addon/bindings";
import { isErrno } from "../errors/describe";
import { RuntimeError } from "../errors/runtime-error";
import { closeFile, openFile } from "../host/files";
import type { RuntimeOptions } from "../lifecycle/requests";
import type { UndoStack } from "../lifecycle/undo-stack";
import { encodePlan } from "../plan/encode";
import type { ContainerPlan } from "../plan/plan";
import type { Trace } from "../trace/trace";
import type { AnswerContext } from "./answers";
import { serveInit } from "./handshake";
import { InitProcess } from "./init-process";
import { encodeMessage } from "./messages";
import { closeDescriptors, type HeldDescriptors, openDescriptors } from "./open-descriptors";
import { initFailure, receive } from "./receive";

export interface LaunchRequest {
  readonly plan: ContainerPlan;
  /** The cgroup v2 directory to be born in; undefined for the driver's. */
  readonly birthplace: string | undefined;
  /** What to take instead when the kernel lets nobody be born there, as it has sub-cgroups with controllers. */
  readonly otherBirthplace?: () => string | undefined;
  readonly held: HeldDescriptors;
  readonly affinity?: Uint8Array;
  readonly preserveFds: number;
  /** Its standard streams, above 2; the driver's when it has none of its own. */
  readonly streams?: readonly [number, number, number];
  readonly container: AnswerContext["container"];
  readonly ids: AnswerContext["ids"];
  readonly takeConsole: (masterFd: number) => void;
  /** What the driver has to do before init is let go, and nobody waits for: init works meanwhile. */
  readonly meanwhile?: () => void;
}

/** Init, ready and waiting for the driver's last word. */
export interface LaunchedInit {
  readonly pid: number;
  readonly pidfd: number;
  readonly linkFd: number;
  /** Lets init go on alone. After this the driver may end. */
  release(): void;
}

/** Clones init and serves it until everything before `start` is done. On failure init is dead and reaped. */
export function launchInit(
  runtime: RuntimeOptions,
  request: LaunchRequest,
  undo: UndoStack,
  trace: Trace,
): LaunchedInit {
  const { addon } = runtime;
  const link = addon.openLink();
  const process = spawn(runtime, request, link.initFd, trace, link.driverFd);
  // The words of each line up to its colon are those that callers of runc look for.
  runtime.debug?.(`nsexec container setup: process ${process.pid} carries out the plan`);
  undo.push(`init, process ${process.pid}`, () => {
    try {
      process.end(link.driverFd);
    } finally {
      closeFile(link.driverFd);
    }
  });
  request.meanwhile?.();
  serveInit({
    addon,
    linkFd: link.driverFd,
    steps: request.plan.steps,
    makeAnswers: () => {
      const { makeAnswers } = require("./answers") as typeof import("./answers");
      return makeAnswers({
        addon,
        launch: runtime.launch,
        work: request.plan.driver,
        container: request.container,
        ids: request.ids,
        pid: () => process.pid,
        takeConsole: request.takeConsole,
      });
    },
    onForked: (pid) => process.moveTo(pid),
    onHeard: () => runtime.debug?.("child process in init(): it has begun to talk"),
    warn: runtime.warn,
    trace,
  });
  return {
    pid: process.pid,
    pidfd: process.pidfd,
    linkFd: link.driverFd,
    release: () => {
      sendReleased(addon, link.driverFd);
      // Until init has read this it dies with us; the end of the link says that it has.
      const { message, isReset } = receive(addon, link.driverFd);
      if (message?.kind === "failure")
        throw initFailure(addon, message, undefined, "init: go on without the driver");
      if (isReset)
        throw new RuntimeError("INIT_DIED", "init ended before it could go on without the driver");
      closeFile(link.driverFd);
      runtime.debug?.("init: closing the pipe to signal completion: it goes on alone");
    },
  };
}

export function sendReleased(addon: Addon, linkFd: number): void {
  addon.sendMessage({ fd: linkFd, bytes: encodeMessage({ kind: "released" }), fds: [] });
}

function spawn(
  runtime: RuntimeOptions,
  request: LaunchRequest,
  linkFd: number,
  trace: Trace,
  driverFd: number,
): InitProcess {
  const { plan, held } = request;
  let fds: number[] = [];
  try {
    fds = trace.step("open descriptors", () =>
      openDescriptors(runtime.addon, plan.descriptors, held),
    );
    const steps = plan.steps.map(({ step }) => step);
    const encoded = trace.step("encode the plan", () =>
      encodePlan(steps, { linkFd, fds, trace: trace.isOn }),
    );
    const cloned = trace.step("clone init", () =>
      clone(runtime, request, { encoded, linkFd, fds }),
    );
    return new InitProcess(runtime.addon, cloned, {
      forks: steps.some(({ op }) => op === "forkInit"),
    });
  } catch (error) {
    closeFile(driverFd);
    throw error;
  } finally {
    closeDescriptors(fds, held);
    // The end of the link shows that init is gone only when nobody else holds its side.
    closeFile(linkFd);
  }
}

interface Cloned {
  readonly pid: number;
  readonly pidfd: number;
}

interface Prepared {
  readonly encoded: Uint8Array;
  readonly linkFd: number;
  readonly fds: readonly number[];
}

function clone(runtime: RuntimeOptions, request: LaunchRequest, prepared: Prepared): Cloned {
  const { birthplace, otherBirthplace } = request;
  try {
    return cloneIn(runtime, request, prepared, birthplace);
  } catch (error) {
    const other = isErrno(error, "EBUSY") ? otherBirthplace?.() : undefined;
    if (other === undefined || other === birthplace) throw error;
    runtime.debug?.(`"${birthplace}" takes no process (EBUSY): it is born in "${other}"`);
    return cloneIn(runtime, request, prepared, other);
  }
}

function cloneIn(
  { addon, launch, debug }: RuntimeOptions,
  { plan, preserveFds, streams, affinity = new Uint8Array() }: LaunchRequest,
  { encoded, linkFd, fds }: Prepared,
  birthplace: string | undefined,
): Cloned {
  if (debug !== undefined) tellOfClone(debug, affinity);
  const cgroupFd = birthplace === undefined ? -1 : openFile(birthplace, "read");
  try {
    return addon.spawnInit({
      plan: encoded,
      linkFd,
      inheritFds: fds,
      streams: streams ?? [],
      preserveFds,
      cloneFlags: plan.cloneFlags,
      cgroupFd,
      affinity,
      nofileSoft: launch.nofileSoft ?? -1n,
    });
  } finally {
    if (cgroupFd >= 0) closeFile(cgroupFd);
  }
}

/** What runc does to its own file is not needed: init is a program of its own, in memory, and sealed. */
function tellOfClone(debug: (message: string) => void, affinity: Uint8Array): void {
  debug(
    'init is run from a sealed memfd, in place of "runc exeseal: using /proc/self/exe clone" ' +
      'and "runc exeseal: using overlayfs for sealed /proc/self/exe"',
  );
  if (affinity.length === 0) return;
  const mask = affinity.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  debug(`nsexec: affinity: 0x${mask.toString(16)}`);
}
