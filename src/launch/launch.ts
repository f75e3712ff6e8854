import { type Cgroup, openBirthplace } from "../cgroups/cgroup";
import { closeFile } from "../host/files";
import { SIGKILL, signalIfAlive } from "../host/pidfds";
import type { RuntimeOptions } from "../lifecycle/requests";
import type { UndoStack } from "../lifecycle/undo-stack";
import { encodePlan } from "../plan/encode";
import type { ContainerPlan } from "../plan/plan";
import type { Trace } from "../trace/trace";
import { type AnswerContext, makeAnswers } from "./answers";
import { serveInit } from "./handshake";
import { encodeMessage } from "./messages";
import { closeDescriptors, openDescriptors } from "./open-descriptors";

export interface LaunchRequest {
  readonly plan: ContainerPlan;
  readonly cgroup: Cgroup;
  readonly gateFd: number;
  readonly preserveFds: number;
  readonly container: AnswerContext["container"];
  readonly ids: AnswerContext["ids"];
  readonly takeConsole: (masterFd: number) => void;
}

/** Init, ready and waiting for the driver's last word. */
export interface LaunchedInit {
  readonly pid: number;
  readonly pidfd: number;
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
  undo.push(`init, process ${process.pid}`, () => killInit(runtime, process, link.driverFd));
  serveInit({
    addon,
    linkFd: link.driverFd,
    steps: request.plan.steps,
    answers: makeAnswers({
      addon,
      launch: runtime.launch,
      work: request.plan.driver,
      container: request.container,
      ids: request.ids,
      pid: () => process.pid,
      takeConsole: request.takeConsole,
    }),
    onForked: (pid) => {
      // The first stage is ours to reap; init is its sibling, and ours too.
      const pidfd = addon.openPidfd({ pid });
      addon.reapPidfd({ pidfd: process.pidfd });
      closeFile(process.pidfd);
      process.pid = pid;
      process.pidfd = pidfd;
    },
    warn: runtime.warn,
    trace,
  });
  return {
    pid: process.pid,
    pidfd: process.pidfd,
    release: () => {
      addon.sendMessage({ fd: link.driverFd, bytes: encodeMessage({ kind: "released" }), fds: [] });
      // Until init has read this it dies with us; the end of the link says that it has.
      addon.receiveMessage({ fd: link.driverFd, timeoutMs: -1 });
      closeFile(link.driverFd);
    },
  };
}

interface InitProcess {
  pid: number;
  pidfd: number;
}

function spawn(
  runtime: RuntimeOptions,
  { plan, cgroup, gateFd, preserveFds }: LaunchRequest,
  linkFd: number,
  trace: Trace,
  driverFd: number,
): InitProcess {
  const { addon, launch } = runtime;
  let fds: number[] = [];
  const cgroupFd = openBirthplace(cgroup);
  try {
    fds = trace.step("open descriptors", () => openDescriptors(addon, plan.descriptors, gateFd));
    const steps = plan.steps.map(({ step }) => step);
    const encoded = trace.step("encode the plan", () =>
      encodePlan(steps, { linkFd, fds, trace: trace.isOn }),
    );
    const spawned = trace.step("clone init", () =>
      addon.spawnInit({
        plan: encoded,
        linkFd,
        inheritFds: fds,
        preserveFds,
        cloneFlags: plan.cloneFlags,
        cgroupFd,
        nofileSoft: launch.nofileSoft ?? -1n,
      }),
    );
    return spawned;
  } catch (error) {
    closeFile(driverFd);
    throw error;
  } finally {
    closeDescriptors(fds, gateFd);
    if (cgroupFd >= 0) closeFile(cgroupFd);
    // The end of the link shows that init is gone only when nobody else holds its side.
    closeFile(linkFd);
  }
}

function killInit({ addon }: RuntimeOptions, process: InitProcess, driverFd: number): void {
  closeFile(driverFd);
  signalIfAlive(addon, process.pidfd, SIGKILL);
  addon.reapPidfd({ pidfd: process.pidfd });
  closeFile(process.pidfd);
}
