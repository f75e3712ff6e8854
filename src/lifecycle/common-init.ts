import type { Addon } from "../addon/bindings";
import { RuntimeError } from "../errors/runtime-error";
import { closeFile } from "../host/files";
import type { DriverWork } from "../plan/driver-work";
import type { Streams } from "./requests";

/** What the driver does for a container's first process and for further ones. */

/** Who has the other end of a process's terminal; without either it is the driver's own terminal. */
export interface ConsoleChoice {
  readonly consoleSocket?: string;
  readonly streams?: Streams;
}

/** Limits that it may not set itself: src/plan/process.ts. */
export function setLimits(addon: Addon, pid: number, limits: DriverWork["limits"]): void {
  for (const { name, resource, soft, hard } of limits) {
    try {
      addon.setLimit({ pid, resource, soft, hard });
    } catch (cause) {
      throw new RuntimeError("HOST_FAILED", `error setting ${name}`, { cause });
    }
  }
}

/** What the process begins with at 0, 1 and 2, when that is not the caller's. */
export const streamsOf = ({ streams }: { readonly streams?: Streams }) =>
  streams === undefined || streams === "kept terminal" ? {} : { streams };

/** Hands the terminal's master to the console socket, or, without one, keeps it. Returns it, or -1. */
export function takeConsole(
  addon: Addon,
  { consoleSocket: socket, streams }: ConsoleChoice,
  masterFd: number,
): number {
  if (streams === "kept terminal") return masterFd;
  if (socket === undefined) {
    // It stays with us: its lines and its size are to look like our own terminal's.
    addon.prepareConsole({ masterFd });
    return masterFd;
  }
  try {
    addon.sendConsole({ path: socket, masterFd });
  } catch (cause) {
    throw new RuntimeError("HOST_FAILED", `send the terminal to the console socket "${socket}"`, {
      cause,
    });
  } finally {
    closeFile(masterFd);
  }
  return -1;
}
