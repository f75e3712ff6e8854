import { RuntimeError } from "../errors/runtime-error";
import { closeFile } from "../host/files";
import type { RuntimeOptions } from "./requests";

/** The master of the container's terminal: whoever waits at the socket gets it, or it stays with us. -1 when it has gone. */
export function handOver(
  runtime: RuntimeOptions,
  consoleSocket: string | undefined,
  masterFd: number,
): number {
  return consoleSocket === undefined
    ? prepareConsole(runtime, masterFd)
    : sendConsole(runtime, consoleSocket, masterFd);
}

/** The terminal stays with us: its lines and its size are to look like our own terminal's. */
function prepareConsole({ addon }: RuntimeOptions, masterFd: number): number {
  addon.prepareConsole({ masterFd });
  return masterFd;
}

function sendConsole({ addon }: RuntimeOptions, path: string, masterFd: number): number {
  try {
    addon.sendConsole({ path, masterFd });
  } catch (cause) {
    throw new RuntimeError("HOST_FAILED", `send the terminal to the console socket "${path}"`, {
      cause,
    });
  } finally {
    closeFile(masterFd);
  }
  return -1;
}
