import type { ErrorCode } from "./codes";

/** A failure that we understand: `code` is for programs, `message` for people, `cause` says why. */
export class RuntimeError extends Error {
  override readonly name = "RuntimeError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
