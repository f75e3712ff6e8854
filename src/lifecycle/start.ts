import { describeError, isErrno } from "../errors/describe";
import { RuntimeError } from "../errors/runtime-error";
import { closeFile, isThere, removeFile } from "../host/files";
import { serveUntilExecve } from "../launch/serve-execve";
import { hookState } from "../state/oci-state";
import type { ContainerRecord } from "../state/record";
import { diedAsInit, readStatus } from "../state/status";
import { gatePath, loadRecord } from "../state/store";
import { Trace } from "../trace/trace";
import { assertAllowed } from "./allowed";
import { lockContainer } from "./lock";
import { closeNotify, type NotifyRelay, openNotify, relayReady } from "./notify";
import type { RuntimeOptions, StartRequest } from "./requests";

/** `start`: runs the program of a created container. runtime.md#start */
export function startContainer(runtime: RuntimeOptions, { id, traceFile }: StartRequest): void {
  const { addon, stateRoot } = runtime;
  const trace = new Trace(addon, traceFile);
  // Unknown containers are told apart from unreadable directories here.
  loadRecord(stateRoot, id);
  let relay: NotifyRelay | undefined;
  try {
    const lock = lockContainer(addon, stateRoot, id);
    try {
      const record = loadRecord(stateRoot, id);
      assertAllowed("start", id, readStatus(stateRoot, record));
      relay = openNotify(runtime, record);
      openGate(runtime, record, trace);
    } finally {
      closeFile(lock);
    }
    trace.write(`start ${id}`);
    // Without the lock: the program may take its time, and `delete` has to be possible meanwhile.
    if (relay !== undefined) relayReady(runtime, relay);
  } finally {
    if (relay !== undefined) closeNotify(relay);
  }
}

/**
 * Lets init go on, and waits until it has become the program. A failed hook destroys the container
 * (runtime.md#lifecycle, steps 7 and 9); a program that cannot be executed leaves it stopped.
 */
export function openGate(runtime: RuntimeOptions, record: ContainerRecord, trace: Trace): void {
  if (!record.tsoci.hasProcess) {
    throw new RuntimeError(
      "CONTAINER_WRONG_STATUS",
      "config.json has no process to start (runtime.md#start)",
    );
  }
  assertAgentIsThere(record);
  try {
    trace.step("wait for the program", () => passGate(runtime, record, trace));
    runPoststartHooks(runtime, record);
  } catch (error) {
    if (error instanceof RuntimeError && error.code === "HOOK_FAILED") {
      const { destroyContainer } = require("./destroy") as typeof import("./destroy");
      destroyContainer(runtime, record, { kill: true });
    }
    const { explainDeath } = require("../cgroups/oom") as typeof import("../cgroups/oom");
    throw explainDeath(error, record.cgroup_paths);
  }
}

/** The container stays as it is, and `start` may be tried again. */
function assertAgentIsThere({ tsoci: { seccompListener } }: ContainerRecord): void {
  if (seccompListener === undefined || isThere(seccompListener.path)) return;
  throw new RuntimeError(
    "HOST_FAILED",
    `failed to connect with seccomp agent: there is no socket "${seccompListener.path}"`,
  );
}

function passGate(runtime: RuntimeOptions, record: ContainerRecord, trace: Trace): void {
  const { stateRoot } = runtime;
  const gate = gatePath(stateRoot, record.id);
  const connection = connect(runtime, gate);
  try {
    serveStarting(runtime, record, connection, trace);
  } finally {
    closeFile(connection);
  }
  if (diedAsInit(record.init_process_pid)) {
    throw new RuntimeError("INIT_DIED", "init ended before it could execute the program");
  }
  removeFile(gate);
}

function connect({ addon }: RuntimeOptions, gate: string): number {
  try {
    return addon.connectGate({ path: gate });
  } catch (cause) {
    const isGone = isErrno(cause, "ECONNREFUSED") || isErrno(cause, "ENOENT");
    if (isGone)
      throw new RuntimeError("CONTAINER_WRONG_STATUS", "cannot start a container that has stopped");
    throw new RuntimeError("HOST_FAILED", "connect to init", { cause });
  }
}

function serveStarting(
  runtime: RuntimeOptions,
  record: ContainerRecord,
  connection: number,
  trace: Trace,
): void {
  const { steps, first } = record.tsoci.afterStart;
  serveUntilExecve({
    addon: runtime.addon,
    connection,
    stepAt: (index) => steps[index - first],
    makeAnswers: () => makeAgent(runtime, record, connection),
    warn: runtime.warn,
    trace,
  });
}

function makeAgent(runtime: RuntimeOptions, record: ContainerRecord, connection: number) {
  const { SeccompAgent } = require("./seccomp-agent") as typeof import("./seccomp-agent");
  const { seccompListener } = record.tsoci;
  const process = { pid: record.init_process_pid, status: "created" } as const;
  return new SeccompAgent(runtime.addon, connection, seccompListener, record, process);
}

/**
 * After the program was executed and before `start` returns. Since runtime-spec 1.3.0 a failure ends the
 * container; to a config that was written for an older one it is the warning that it was then.
 */
function runPoststartHooks(runtime: RuntimeOptions, record: ContainerRecord): void {
  const { hooks, bundle, annotations, ociVersion } = record.tsoci;
  if (hooks.poststart.length === 0) return;
  const state = hookState(
    { id: record.id, bundle, annotations },
    record.init_process_pid,
    "running",
  );
  const { runHook } = require("../hooks/run-hooks") as typeof import("../hooks/run-hooks");
  hooks.poststart.forEach((hook, index) => {
    try {
      runHook(runtime, "poststart", index, hook, bundle, state);
    } catch (error) {
      if (minorVersion(ociVersion) >= poststartFailsSince) throw error;
      runtime.warn(describeError(error));
    }
  });
}

const poststartFailsSince = 3;

/** The rules have let only versions 1.x pass. */
const minorVersion = (version: string) => Number.parseInt(version.slice("1.".length), 10);
