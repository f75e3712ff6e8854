import type { Addon } from "../addon/bindings";
import type { ErrorCode } from "../errors/codes";
import { RuntimeError } from "../errors/runtime-error";
import type { FailureMessage, Message, WarningMessage } from "../generated/messages";
import { decodeMessage } from "./messages";

export interface Received {
  readonly message?: Message;
  readonly fd?: number;
  /** Init has ended without having read what it was told last. */
  readonly isReset: boolean;
}

/** The next message of init; none when init is gone. ETIMEDOUT when `timeoutMs` is not -1 and none comes by then. */
export function receive(addon: Addon, fd: number, timeoutMs = -1): Received {
  const { bytes, fds, isReset } = addon.receiveMessage({ fd, timeoutMs });
  const [first] = fds;
  return {
    isReset,
    ...(bytes.length === 0 ? {} : { message: decodeMessage(bytes) }),
    ...(first === undefined ? {} : { fd: first }),
  };
}

/** Steps whose words are complete: callers look for them as they are. The code says what became of the container. */
const codeOfStep: Readonly<Record<string, ErrorCode>> = {
  runHook: "HOOK_FAILED",
  findProgram: "PROGRAM_FAILED",
  execute: "PROGRAM_FAILED",
};

/** A failed step, in the words of the step, the call and the kernel. */
export function initFailure(
  addon: Addon,
  failure: FailureMessage,
  op: string | undefined,
  label: string,
): RuntimeError {
  const code = op === undefined ? undefined : codeOfStep[op];
  const text = describeReport(addon, failure);
  return new RuntimeError(code ?? "INIT_FAILED", code === undefined ? `${label}: ${text}` : text);
}

/** What init was doing, by which call, and what the kernel said to it. */
export function describeReport(addon: Addon, report: WarningMessage | FailureMessage): string {
  const { errnoNumber, call, detail } = report;
  const reason = errnoNumber === 0 ? "" : addon.describeErrno({ errno: errnoNumber });
  return [detail, call, reason].filter((text) => text !== "").join(": ");
}
