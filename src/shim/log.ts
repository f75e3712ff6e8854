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
 * Lines as containerd's own, to the fifo that it copies to its log: what that does not take while it is full is lost,
 * as nobody may wait for a reader.
 */
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
