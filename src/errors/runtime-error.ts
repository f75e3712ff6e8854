import type { ErrorCode } from "./codes";

/** A failure that we understand: `code` is for programs, `message` for people, `cause` says why. */
export class RuntimeError extends Error {
  override readonly name = "RuntimeError";
  readonly code: ErrorCode;
  /** The exit status of the command that failed, where it is not the code's. */
  exitStatus?: number;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
