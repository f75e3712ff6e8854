import { describeError } from "../errors/describe";
import { closeFile, isThere } from "../host/files";
import type { LaunchFacts } from "../host/launch-facts";
import { openInit } from "../state/open-init";
import type { ContainerRecord } from "../state/record";
import { notifyDir, notifyPath } from "../state/store";
import type { RuntimeOptions } from "./requests";

/**
 * sd_notify(3) for a container's program. It gets a socket of its own and not the service manager's: the
 * manager asks which process sent a message, and believes what it says.
 */
export interface NotifyRelay {
  readonly notifyFd: number;
  readonly hostFd: number;
  readonly pidfd: number;
  readonly pid: number;
}

/** The service manager that waits to hear of the caller; undefined when nobody does. */
export const managerOf = (launch: LaunchFacts) => launch.variable("NOTIFY_SOCKET") || undefined;

/**
 * Listens for what the program will say, before there is one; the caller closes it. Undefined when nobody
 * waits for it, or the container was created without: the program of one that runs is no failure.
 */
export function openNotify(
  runtime: RuntimeOptions,
  record: ContainerRecord,
): NotifyRelay | undefined {
  const { addon, launch, stateRoot, warn } = runtime;
  const name = managerOf(launch);
  if (name === undefined || !isThere(notifyDir(stateRoot, record.id))) return undefined;
  const opened: number[] = [];
  const noted = (fd: number) => {
    opened.push(fd);
    return fd;
  };
  try {
    const pidfd = openInit(addon, record);
    if (pidfd === undefined) return undefined;
    noted(pidfd);
    const hostFd = noted(addon.connectNotify({ name }));
    const notifyFd = noted(addon.bindNotify({ path: notifyPath(stateRoot, record.id) }));
    return { notifyFd, hostFd, pidfd, pid: record.init_process_pid };
  } catch (cause) {
    for (const fd of opened) closeFile(fd);
    warn(unheard(describeError(cause)));
    return undefined;
  }
}

/** Waits until the program has said that it is ready, or has ended, and passes it on. */
export function relayReady({ addon, warn }: RuntimeOptions, relay: NotifyRelay): void {
  const { notifyFd, hostFd, pidfd, pid } = relay;
  try {
    const { answered } = addon.relayReady({ notifyFd, hostFd, pidfd, mainPid: pid });
    if (!answered) warn(unheard("the service manager does not answer"));
  } catch (cause) {
    warn(unheard(describeError(cause)));
  }
}

export function closeNotify({ notifyFd, hostFd, pidfd }: NotifyRelay): void {
  for (const fd of [notifyFd, hostFd, pidfd]) closeFile(fd);
}

/** The container runs whether or not anybody hears of it, so that this is only a warning. */
export const unheard = (reason: string) =>
  `tell the service manager that the container is ready: ${reason}`;
