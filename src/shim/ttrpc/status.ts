import type { ErrorCode } from "../../errors/codes";
import { describeError } from "../../errors/describe";
import { RuntimeError } from "../../errors/runtime-error";
import type { Status } from "../../generated/shim/status";

/** The codes of google.rpc.Status that are used here. */
export const StatusCode = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  resourceExhausted: 8,
  failedPrecondition: 9,
  unimplemented: 12,
  unavailable: 14,
} as const;

/** How a call failed; `status` is one of StatusCode, or what a foreign server answered. */
export class CallError extends Error {
  override readonly name = "CallError";
  readonly status: number;

  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

/** Those failures of an operation that containerd tells apart. */
const statusOfCode: Partial<Record<ErrorCode, number>> = {
  CONTAINER_UNKNOWN: StatusCode.notFound,
  CONTAINER_WRONG_STATUS: StatusCode.failedPrecondition,
  ID_TAKEN: StatusCode.alreadyExists,
  ID_INVALID: StatusCode.invalidArgument,
  CONFIG_INVALID: StatusCode.invalidArgument,
  USAGE: StatusCode.invalidArgument,
};

/** What the caller is told of any failure: its code, and the chain of causes on one line. */
export function statusOf(error: unknown): Status {
  return { code: codeOf(error), message: describeError(error), details: [] };
}

function codeOf(error: unknown): number {
  if (error instanceof CallError) return error.status;
  if (error instanceof RuntimeError) return statusOfCode[error.code] ?? StatusCode.unknown;
  return StatusCode.unknown;
}
