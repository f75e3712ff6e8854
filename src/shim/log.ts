import { constants, openSync } from "node:fs";
import { isErrno } from "../errors/describe";
import { writeBytes } from "../host/files";
import { formatLogLine, type LogFields, type LogLevel } from "../log/lines";

/** The log of a shim that lives on. */
export interface ShimLog {
  debug(message: string, fields?: LogFields): void;
  warn(message: string): void;
  error(message: string): void;
}

/**
 * The fifo `log` of the bundle, which containerd copies to its own log. Both ends, so that nobody waits for
 * containerd and nobody is killed when it goes; undefined when there is none.
 */
export function openLogFifo(bundle: string): number | undefined {
  try {
    return openSync(`${bundle}/log`, constants.O_RDWR | constants.O_NONBLOCK);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** Lines as containerd's own: what a full fifo does not take is lost, as nobody may wait for a reader. */
export function shimLog(
  fd: number,
  settings: { readonly debug: boolean; readonly id: string },
): ShimLog {
  const write = (level: LogLevel, message: string, fields: LogFields = {}) => {
    const line = formatLogLine("text", level, message, { ...fields, shim: settings.id });
    try {
      writeBytes(fd, new TextEncoder().encode(line));
    } catch (error) {
      if (!isErrno(error, "EAGAIN") && !isErrno(error, "EPIPE")) throw error;
    }
  };
  return {
    debug: (message, fields) => {
      if (settings.debug) write("debug", message, fields);
    },
    warn: (message) => write("warning", message),
    error: (message) => write("error", message),
  };
}
