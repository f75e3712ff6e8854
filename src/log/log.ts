import { isErrno } from "../errors/describe";
import { RuntimeError } from "../errors/runtime-error";
import { loadAside } from "../host/aside";
import { openFile } from "../host/files";
import { writeAll } from "../host/write-all";
import type { Debug } from "./debug";
import { formatLogLine, type LogFormat } from "./lines";

export interface LogSettings {
  /** Absolute; undefined for standard error. */
  readonly file?: string;
  readonly format: LogFormat;
  readonly debug: boolean;
  /** What the program calls itself. */
  readonly programName: string;
}

const standardError = 2;

/** Where a command says what went wrong. Whoever reads the log has runc in mind: see `lines.ts`. */
export class Log {
  /** Logs what is done. Does nothing without `--debug`. */
  readonly debug: Debug;
  private readonly settings: LogSettings;
  private readonly fd: number;
  private readonly heldWarnings: string[] = [];

  private constructor(settings: LogSettings, fd: number, debug: Debug) {
    this.settings = settings;
    this.fd = fd;
    this.debug = debug;
  }

  /** Opens the log, so that a path that cannot be written ends the command before it does anything. */
  static async open(settings: LogSettings): Promise<Log> {
    const fd = settings.file === undefined ? standardError : openForAppending(settings.file);
    const debug = settings.debug
      ? await loadAside("debug").createDebug(settings.format, (line) => writeAll(fd, line))
      : () => {};
    return new Log(settings, fd, debug);
  }

  readonly warn = (message: string): void => {
    if (this.mustHoldOneObject()) this.heldWarnings.push(message);
    else writeAll(this.fd, formatLogLine(this.settings.format, "warning", message));
  };

  /** The command succeeded: what was held back may follow. */
  finish(): void {
    for (const message of this.heldWarnings.splice(0)) {
      writeAll(this.fd, formatLogLine(this.settings.format, "warning", message));
    }
  }

  /**
   * The command failed. With a log file it is told there, and standard error gets the bare message; without
   * one it gets `line`.
   */
  fail(message: string, line = `${this.settings.programName}: ${message}\n`): void {
    const { file, format } = this.settings;
    const warnings = this.heldWarnings.splice(0);
    const fields = warnings.length === 0 ? {} : { warnings };
    if (file !== undefined) {
      try {
        writeAll(standardError, `${message}\n`);
      } finally {
        this.writeToFile(file, formatLogLine(format, "error", message, fields));
      }
    } else if (format === "json") {
      writeAll(standardError, formatLogLine("json", "error", message, fields));
    } else {
      writeAll(standardError, line);
    }
  }

  /** Who called is told which of the files is full. */
  private writeToFile(file: string, line: string): void {
    try {
      writeAll(this.fd, line);
    } catch (cause) {
      throw new RuntimeError("HOST_FAILED", `write the log "${file}"`, { cause });
    }
  }

  /**
   * Podman reads the whole file of a failed command as one JSON object, so a warning may not precede
   * the error: it waits, and goes into the error's object if there is one.
   */
  private mustHoldOneObject(): boolean {
    const { file, format, debug } = this.settings;
    return file !== undefined && format === "json" && !debug;
  }
}

function openForAppending(file: string): number {
  try {
    return openFile(file, "append");
  } catch (cause) {
    const unread = isErrno(cause, "ENXIO") ? ": it is a socket, or a FIFO that nobody reads" : "";
    throw new RuntimeError("USAGE", `log${unread}`, { cause });
  }
}
