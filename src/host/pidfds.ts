import type { Addon } from "../addon/bindings";
import { isErrno } from "../errors/describe";
import { RuntimeError } from "../errors/runtime-error";
import { closeFile } from "./files";
import { readProcessStatus } from "./proc";

export const SIGKILL = 9;

/** How long a killed process may take to end; one in an uninterruptible sleep takes longer. */
export const deathDeadlineMs = 10_000;

/** A process for ever, as its pid may come to be another's (proc(5), pid and starttime). */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTimeTicks: number;
}

/** Whether it is still there, be it a zombie. */
export const isThatProcess = ({ pid, startTimeTicks }: ProcessIdentity) =>
  readProcessStatus(pid)?.startTimeTicks === startTimeTicks;

/**
 * A pidfd of the process of that pid, if there is one and `isWanted` says so. It is asked once the pidfd is
 * open: what that refers to cannot change any more. The caller closes it.
 */
export function openPidfdIf(
  addon: Addon,
  pid: number,
  isWanted: () => boolean,
): number | undefined {
  let pidfd: number;
  try {
    pidfd = addon.openPidfd({ pid });
  } catch (error) {
    // EINVAL, of older kernels than 6.15 or so: the pid goes on as the name of a session or process group.
    if (isErrno(error, "ESRCH") || isErrno(error, "EINVAL")) return undefined;
    throw error;
  }
  let kept: number | undefined;
  try {
    if (isWanted()) kept = pidfd;
    return kept;
  } finally {
    if (kept === undefined) closeFile(pidfd);
  }
}

/** Kills a process and waits until it has ended. Throws HOST_FAILED, with `what`, when that takes too long. */
export function killAndWait(
  addon: Addon,
  pidfd: number,
  what: string,
  options: { readonly afterSignal?: () => void } = {},
): void {
  signalIfAlive(addon, pidfd, SIGKILL);
  options.afterSignal?.();
  if (addon.waitPidfd({ pidfd, timeoutMs: deathDeadlineMs })) return;
  throw new RuntimeError(
    "HOST_FAILED",
    `${what}, was killed and has not ended after ${deathDeadlineMs} ms`,
  );
}

/** As many of them as end before the time has passed. */
export function waitForEnd(addon: Addon, pidfds: readonly number[], timeoutMs: number): void {
  const deadline = Date.now() + timeoutMs;
  for (const pidfd of pidfds)
    addon.waitPidfd({ pidfd, timeoutMs: Math.max(0, deadline - Date.now()) });
}

/** Lends pidfds of those that are still there. */
export function withPidfds(
  addon: Addon,
  pids: readonly number[],
  use: (pidfds: readonly number[]) => void,
): void {
  const pidfds = pids.flatMap((pid) => openPidfdIf(addon, pid, () => true) ?? []);
  try {
    use(pidfds);
  } finally {
    for (const pidfd of pidfds) closeFile(pidfd);
  }
}

/** Waits for the end of a child of ours, and closes its pidfd, whatever happens. */
export function reapChild(addon: Addon, pidfd: number): void {
  try {
    addon.reapPidfd({ pidfd });
  } finally {
    closeFile(pidfd);
  }
}

/** Kills a child of ours, as far as that is needed, and reaps it. */
export function endChild(addon: Addon, pidfd: number): void {
  signalIfAlive(addon, pidfd, SIGKILL);
  reapChild(addon, pidfd);
}

export function signalIfAlive(addon: Addon, pidfd: number, signal: number): void {
  try {
    addon.signalPidfd({ pidfd, signal });
  } catch (error) {
    if (!isErrno(error, "ESRCH")) throw error;
  }
}
