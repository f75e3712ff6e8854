import { describeError } from "../errors/describe";
import { closeFile } from "../host/files";
import { Trace } from "../trace/trace";
import { deleteOwn } from "./delete";
import { exitStatusOf } from "./exit-status";
import { type MadeContainer, makeContainer } from "./make-container";
import { closeNotify, type NotifyRelay, openNotify, relayReady, unheard } from "./notify";
import type { RunRequest, RuntimeOptions } from "./requests";
import { openGate } from "./start";

/** `run`: create and start; in the foreground it stays until the program ends, and has its exit status. */
export function runContainer(runtime: RuntimeOptions, request: RunRequest): number {
  const { addon } = runtime;
  const trace = new Trace(addon, request.traceFile);
  if (!request.detach && request.subreaper) addon.becomeSubreaper();
  const made = makeContainer(runtime, request, { attached: !request.detach }, trace);
  const relay = openNotify(runtime, made.record);
  try {
    if (!request.detach) addon.holdSignals();
    start(runtime, made, trace);
    trace.write(`run ${request.id}`);
    if (request.detach) {
      if (relay !== undefined) relayReady(runtime, relay);
      return 0;
    }
    return attend(runtime, made, { relay, keep: request.keep });
  } finally {
    if (relay !== undefined) closeNotify(relay);
    closeFile(made.pidfd);
    if (made.masterFd >= 0) closeFile(made.masterFd);
  }
}

/** Stays with a container until its program ends, and then deletes it, unless it is to be kept. Answers the exit status. */
export function attend(
  runtime: RuntimeOptions,
  made: MadeContainer,
  { relay, keep }: { readonly relay?: NotifyRelay | undefined; readonly keep: boolean },
): number {
  const { pidfd, masterFd } = made;
  const { notifyFd, hostFd } = relay ?? { notifyFd: -1, hostFd: -1 };
  const ended = runtime.addon.superviseForeground({ pidfd, masterFd, notifyFd, hostFd });
  if (ended.unheard !== "") runtime.warn(unheard(ended.unheard));
  if (!keep) deleteOwn(runtime, made.record, { kill: false });
  return exitStatusOf(ended);
}

/** A container that does not start is of no use to anybody who did not make it apart. */
function start(runtime: RuntimeOptions, made: MadeContainer, trace: Trace): void {
  try {
    openGate(runtime, made.record, trace);
  } catch (error) {
    try {
      deleteOwn(runtime, made.record, { kill: true });
    } catch (left) {
      // Why it did not start matters more.
      runtime.warn(describeError(left));
    }
    throw error;
  }
}
