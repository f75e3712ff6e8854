import {
  birthplaceOfInit,
  cannotJoin,
  type ProcessPlace,
  placeProcess,
} from "../cgroups/process-place";
import { isErrno } from "../errors/describe";
import { RuntimeError } from "../errors/runtime-error";
import type { Config, Process } from "../generated/config";
import { closeFile, openFile } from "../host/files";
import { type LaunchedInit, launchInit, sendReleased } from "../launch/launch";
import { serveUntilExecve } from "../launch/serve-execve";
import { describeFailure } from "../plan/describe-step";
import { affinityMask, planExec } from "../plan/exec";
import { changedProcess, completedProcess } from "../plan/further-process";
import { chooseNamespaces, hasNamespace } from "../plan/namespace-choice";
import type { ContainerPlan } from "../plan/plan";
import { capabilityBit } from "../spec/kernel-constants";
import { openInit } from "../state/open-init";
import type { ContainerRecord } from "../state/record";
import { diedAsInit, readStatus } from "../state/status";
import { loadRecord } from "../state/store";
import { loadTemplate, type ProcessTemplate } from "../state/template";
import { Trace } from "../trace/trace";
import { assertMayExec } from "./allowed";
import { setLimits, streamsOf, takeConsole } from "./common-init";
import { assertConsoleFits } from "./console-fits";
import { exitStatusOf } from "./exit-status";
import { inheritedDescriptors } from "./inherited-descriptors";
import type { ExecRequest, RuntimeOptions } from "./requests";
import { UndoStack } from "./undo-stack";

/**
 * `exec`: a further process in a container that lives. Returns its exit status, or 0 as soon as it runs when
 * it is detached. Takes no lock: a health probe must not wait for another, and what it joins it joins by a
 * descriptor of init, so that a container that is deleted meanwhile makes it fail and nothing else.
 */
export function execProcess(runtime: RuntimeOptions, request: ExecRequest): number {
  const started = startProcess(runtime, request);
  try {
    if (request.detach) return 0;
    const { pidfd, masterFd } = started;
    return exitStatusOf(
      runtime.addon.superviseForeground({ pidfd, masterFd, notifyFd: -1, hostFd: -1 }),
    );
  } finally {
    closeFile(started.pidfd);
    if (started.masterFd >= 0) closeFile(started.masterFd);
  }
}

/** The same until the program runs. The process is a child of this one, and the caller's to reap. */
export function startProcess(runtime: RuntimeOptions, request: ExecRequest): StartedProcess {
  const { addon, stateRoot } = runtime;
  const { id, detach } = request;
  const trace = new Trace(addon, request.traceFile);
  const record = loadRecord(stateRoot, id);
  assertMayExec(readStatus(stateRoot, record), request);
  const template = loadTemplate(stateRoot, id);
  const process = trace.step("read the process", () => processOf(runtime, request, template));
  assertConsoleFits(process, request, { attached: !detach });
  const config: Config = { ...template.config, process };
  assertLabelsAvailable(runtime, config);
  return joinContainer(runtime, request, { record, template, config, trace });
}

/** What `--process` says, or the container's own process with what the flags change. */
function processOf(
  { warn }: RuntimeOptions,
  request: ExecRequest,
  { config }: ProcessTemplate,
): Process {
  const { process, processFile, processText } = request;
  if ([process, processFile, processText].some((whole) => whole !== undefined)) {
    const { wholeProcess } = require("./whole-process") as typeof import("./whole-process");
    return completedProcess(wholeProcess(warn, request), config.process);
  }
  for (const name of request.changes.capabilities) {
    if (capabilityBit(name) === undefined)
      warn(`${JSON.stringify(name)} is no capability, and is left out`);
  }
  return changedProcess(config.process, request.changes);
}

/** Looks at the machine only for the few that have a label. */
function assertLabelsAvailable(runtime: RuntimeOptions, config: Config): void {
  const { apparmorProfile = "", selinuxLabel = "" } = config.process ?? {};
  if (apparmorProfile === "" && selinuxLabel === "") return;
  const { assertAvailable } = require("./applicable") as typeof import("./applicable");
  const { readHostFacts } = require("../host/read-facts") as typeof import("../host/read-facts");
  assertAvailable(runtime, config, readHostFacts());
}

interface Prepared {
  readonly record: ContainerRecord;
  readonly template: ProcessTemplate;
  readonly config: Config;
  readonly trace: Trace;
}

export interface StartedProcess {
  readonly pid: number;
  /** The caller closes both. */
  readonly pidfd: number;
  /** -1 when nobody but the console socket was to get it. */
  readonly masterFd: number;
}

function joinContainer(
  runtime: RuntimeOptions,
  request: ExecRequest,
  prepared: Prepared,
): StartedProcess {
  const { addon } = runtime;
  const { record, config } = prepared;
  const containerFd = openInit(addon, record);
  if (containerFd === undefined)
    throw new RuntimeError("CONTAINER_WRONG_STATUS", "cannot exec in a stopped container");
  let rootFd = -1;
  const undo = new UndoStack();
  try {
    if (!hasNamespace(chooseNamespaces(config), "mount"))
      rootFd = openFile(`/proc/${record.init_process_pid}/root`, "path");
    return launchProcess(
      runtime,
      request,
      prepared,
      { container: containerFd, root: rootFd },
      undo,
    );
  } catch (error) {
    undo.rollBack();
    const { explainDeath } = require("../cgroups/oom") as typeof import("../cgroups/oom");
    throw explainDeath(error, record.cgroup_paths);
  } finally {
    closeFile(containerFd);
    if (rootFd >= 0) closeFile(rootFd);
  }
}

function launchProcess(
  runtime: RuntimeOptions,
  request: ExecRequest,
  prepared: Prepared,
  held: { readonly container: number; readonly root: number },
  undo: UndoStack,
): StartedProcess {
  const { addon } = runtime;
  const { record, template, config, trace } = prepared;
  const { id, init_process_pid: initPid, tsoci } = record;
  const place = placeProcess(record.cgroup_paths, request.cgroups);
  const inherited = inheritedDescriptors(runtime.launch, request.preserveFds, { activated: false });
  const ids = { euid: process.geteuid?.() ?? 0, egid: process.getegid?.() ?? 0 };
  const namespaces = addon.differingNamespaces({ pid: initPid });
  const plan = trace.step("plan", () =>
    planExec(config, ids, {
      id,
      newKeyring: template.newKeyring,
      preserveFds: inherited.count,
      extraEnv: [],
      tasksFiles: place.tasksFiles,
      namespaces,
      ...(template.seccomp === undefined ? {} : { seccomp: template.seccomp }),
    }),
  );
  let masterFd = -1;
  const init = withPlaceInError(place, () =>
    launchInit(
      runtime,
      {
        plan,
        birthplace: place.birthplace,
        ...otherBirthplace(place, initPid),
        held,
        affinity: affinityMask(config.process?.execCPUAffinity?.initial) ?? new Uint8Array(),
        preserveFds: inherited.count,
        ...streamsOf(request),
        container: { id, bundle: tsoci.bundle, annotations: tsoci.annotations },
        ids,
        takeConsole: (fd) => {
          masterFd = takeConsole(addon, request, fd);
          if (masterFd >= 0) undo.push("terminal", () => closeFile(masterFd));
        },
      },
      undo,
      trace,
    ),
  );
  setLimits(addon, init.pid, plan.driver.limits);
  tellOfProcess(runtime, request, init, undo);
  if (!request.detach) addon.holdSignals();
  becomeProgram(runtime, prepared, plan, init);
  undo.commit();
  trace.write(`exec ${id}`);
  return { pid: init.pid, pidfd: init.pidfd, masterFd };
}

function otherBirthplace({ birthplace, mayFollowInit }: ProcessPlace, initPid: number) {
  if (birthplace === undefined || !mayFollowInit) return {};
  return { otherBirthplace: () => birthplaceOfInit(birthplace, initPid) };
}

/** The kernel says only that the clone failed, and not that the cgroup is why. */
function withPlaceInError<Result>({ birthplace = "" }: ProcessPlace, launch: () => Result): Result {
  try {
    return launch();
  } catch (cause) {
    if (!isErrno(cause, "EBUSY")) throw cause;
    throw new RuntimeError("CGROUP_FAILED", cannotJoin(birthplace), { cause });
  }
}

/** Before the program runs: whoever sees an effect of it finds its pid. */
function tellOfProcess(
  { addon }: RuntimeOptions,
  { pidfdSocket, pidFile }: ExecRequest,
  { pid, pidfd }: LaunchedInit,
  undo: UndoStack,
): void {
  if (pidfdSocket !== undefined) addon.sendPidfd({ path: pidfdSocket, pidfd, text: "setns" });
  if (pidFile !== undefined) {
    const { writePidFile } = require("./pid-file") as typeof import("./pid-file");
    writePidFile(pidFile, pid, undo);
  }
}

function becomeProgram(
  { addon, warn, debug }: RuntimeOptions,
  { record, template, trace }: Prepared,
  { steps }: ContainerPlan,
  { pid, linkFd }: LaunchedInit,
): void {
  debug?.(`setns_init: about to exec: process ${pid} is in the container's namespaces`);
  sendReleased(addon, linkFd);
  const makeAnswers = () => {
    const { SeccompAgent } = require("./seccomp-agent") as typeof import("./seccomp-agent");
    const listener = template.seccomp?.listener;
    return new SeccompAgent(addon, linkFd, listener, record, { pid, status: "running" });
  };
  trace.step("wait for the program", () =>
    serveUntilExecve({
      addon,
      connection: linkFd,
      stepAt: (index) => {
        const step = steps[index]?.step;
        return step && { op: step.op, label: describeFailure(step) };
      },
      makeAnswers,
      warn,
      trace,
    }),
  );
  if (diedAsInit(pid))
    throw new RuntimeError("INIT_DIED", "the process ended before it could execute its program");
  closeFile(linkFd);
}
