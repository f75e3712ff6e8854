import type { Addon } from "../addon/bindings";
import { RuntimeError } from "../errors/runtime-error";
import { type FailureMessage, type Message, type RequestName, requests } from "../generated/plan";
import { decodeMessage, encodeMessage } from "../plan/encode";
import { describeStep, requestName } from "../plan/describe-step";
import type { PlannedStep } from "../plan/context";
import type { Trace } from "../trace/trace";

/** What the driver does when init asks; the descriptor is what came with the request. */
export type Answer = (fd: number | undefined) => void;

export interface Handshake {
  readonly addon: Addon;
  readonly linkFd: number;
  readonly steps: readonly PlannedStep[];
  readonly answers: Readonly<Record<RequestName, Answer>>;
  readonly onForked: (pid: number) => void;
  readonly warn: (message: string) => void;
  readonly trace: Trace;
}

/**
 * Serves init until it is ready. Each request may come once: init is ours, but it has been through the
 * container's namespaces by then. Throws INIT_FAILED with the failing step, or INIT_DIED.
 */
export function serveInit(handshake: Handshake): void {
  const answered = new Set<RequestName>();
  while (true) {
    const { message, fd } = receive(handshake.addon, handshake.linkFd);
    if (message === undefined) throw new RuntimeError("INIT_DIED", "init ended before the container was created");
    switch (message.kind) {
      case "request":
        answer(handshake, requestName(message.request), answered, fd);
        break;
      case "forked":
        handshake.onForked(message.pid);
        break;
      case "warning":
        handshake.warn(`${stepLabel(handshake, message.step)}: ${message.text}`);
        break;
      case "trace":
        addSlices(handshake, message.slices);
        break;
      case "failure":
        throw initFailure(handshake.addon, message, stepLabel(handshake, message.step));
      case "ready":
        return;
      default:
        throw new RuntimeError("INIT_FAILED", `init sent "${message.kind}" before it was ready`);
    }
  }
}

export function receive(addon: Addon, fd: number): { message?: Message; fd?: number } {
  const { bytes, fds } = addon.receiveMessage({ fd, timeoutMs: -1 });
  const [first] = fds;
  return {
    ...(bytes.length === 0 ? {} : { message: decodeMessage(bytes) }),
    ...(first === undefined ? {} : { fd: first }),
  };
}

function answer(handshake: Handshake, name: RequestName, answered: Set<RequestName>, fd: number | undefined): void {
  if (answered.has(name)) throw new RuntimeError("INIT_FAILED", `init asked for "${name}" twice`);
  answered.add(name);
  handshake.trace.step(`answer ${name}`, () => handshake.answers[name](fd));
  const bytes = encodeMessage({ kind: "reply", request: requests[name] });
  handshake.addon.sendMessage({ fd: handshake.linkFd, bytes, fds: [] });
}

function stepLabel({ steps }: Handshake, index: number): string {
  const planned = steps[index];
  return planned === undefined ? `step ${index}` : describeStep(planned.step);
}

function addSlices(handshake: Handshake, slices: Uint8Array): void {
  handshake.trace.addInitSlices(slices, (index) => ({
    name: stepLabel(handshake, index),
    property: handshake.steps[index]?.property ?? "",
  }));
}

/** A failed step, in the words of the step, the call and the kernel. */
export function initFailure(addon: Addon, failure: FailureMessage, label: string): RuntimeError {
  const { errnoNumber, call, detail } = failure;
  const reason = errnoNumber === 0 ? "" : addon.describeErrno({ errno: errnoNumber });
  const links = [detail, call, reason].filter((text) => text !== "");
  // The words of a hook or of an execve are complete: callers look for them as they are.
  const speaksForItself = detail.startsWith("error running ") || detail.startsWith("exec");
  const text = (speaksForItself ? links : [label, ...links]).join(": ");
  return new RuntimeError(speaksForItself && detail.startsWith("exec") ? "PROGRAM_FAILED" : "INIT_FAILED", text);
}
