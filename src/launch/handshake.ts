import type { Addon } from "../addon/bindings";
import { RuntimeError } from "../errors/runtime-error";
import { type RequestName, requests } from "../generated/plan";
import { closeFile } from "../host/files";
import type { PlannedStep } from "../plan/context";
import { describeFailure, describeStep, requestName } from "../plan/describe-step";
import { capabilityName } from "../spec/kernel-constants";
import type { Trace } from "../trace/trace";
import { encodeMessage } from "./messages";
import { describeReport, initFailure, receive } from "./receive";

/** What init asks with: the descriptor that came along, and the property of the step that asks. */
export interface Asked {
  readonly fd: number | undefined;
  readonly property: string;
}

/** What the driver does when init asks. A descriptor that it answers with goes to init. */
export type Answer = (asked: Asked) => number | undefined;

/** Each mount asks for its own source; all else is asked for once. */
const repeatable: ReadonlySet<RequestName> = new Set(["openMountSource"]);

/** What `create` answers; `start` answers the rest (src/lifecycle/seccomp-agent.ts). */
export type Answers = Readonly<
  Record<Exclude<RequestName, "connectListener" | "sendListener">, Answer>
>;

export interface Handshake {
  readonly addon: Addon;
  readonly linkFd: number;
  readonly steps: readonly PlannedStep[];
  /** Made when init asks for the first time; many never do. */
  readonly makeAnswers: () => Answers;
  readonly onForked: (pid: number) => void;
  /** Called with the first message. */
  readonly onHeard: () => void;
  readonly warn: (message: string) => void;
  readonly trace: Trace;
}

/**
 * Serves init until it is ready. Each request may come once: init is ours, but it has been through the
 * container's namespaces by then. Throws INIT_FAILED with the failing step, or INIT_DIED.
 */
export function serveInit(handshake: Handshake): void {
  const answered = new Set<RequestName>();
  let hasSpoken = false;
  let answers: Answers | undefined;
  while (true) {
    const { message, fd } = receive(handshake.addon, handshake.linkFd);
    if (message === undefined)
      throw new RuntimeError("INIT_DIED", "init ended before the container was created");
    if (!hasSpoken) handshake.onHeard();
    hasSpoken = true;
    switch (message.kind) {
      case "request":
        answers ??= handshake.makeAnswers();
        answer(handshake, answers, requestName(message.request), answered, {
          fd,
          property: handshake.steps[message.step]?.property ?? "",
        });
        break;
      case "forked":
        handshake.onForked(message.pid);
        break;
      case "warning":
        handshake.warn(
          `${failureLabel(handshake, message.step)}: ${nameCapability(describeReport(handshake.addon, message))}`,
        );
        break;
      case "trace":
        addSlices(handshake, message.slices);
        break;
      case "failure":
        throw initFailure(
          handshake.addon,
          message,
          handshake.steps[message.step]?.step.op,
          failureLabel(handshake, message.step),
        );
      case "ready":
        return;
      default:
        throw new RuntimeError("INIT_FAILED", `init sent "${message.kind}" before it was ready`);
    }
  }
}

function answer(
  handshake: Handshake,
  answers: Answers,
  name: RequestName,
  answered: Set<RequestName>,
  asked: Asked,
): void {
  if (answered.has(name) && !repeatable.has(name))
    throw new RuntimeError("INIT_FAILED", `init asked for "${name}" twice`);
  answered.add(name);
  if (name === "connectListener" || name === "sendListener")
    throw new RuntimeError("INIT_FAILED", `init asked for "${name}" before it was ready`);
  const reply = handshake.trace.step(`answer ${name}`, () => answers[name](asked));
  const bytes = encodeMessage({ kind: "reply", request: requests[name] });
  try {
    handshake.addon.sendMessage({
      fd: handshake.linkFd,
      bytes,
      fds: reply === undefined ? [] : [reply],
    });
  } finally {
    if (reply !== undefined) closeFile(reply);
  }
}

/** Init knows capabilities by number, people by name. */
function nameCapability(text: string): string {
  return text.replace(
    /\bambient capability (\d+)/,
    (_, bit: string) => `ambient capability ${capabilityName(Number(bit))}`,
  );
}

function failureLabel({ steps }: Handshake, index: number): string {
  const planned = steps[index];
  return planned === undefined ? `step ${index}` : describeFailure(planned.step);
}

function addSlices(handshake: Handshake, slices: Uint8Array): void {
  handshake.trace.addInitSlices(slices, (index) => {
    const planned = handshake.steps[index];
    if (planned === undefined) return { name: `step ${index}` };
    return { name: describeStep(planned.step), property: planned.property };
  });
}
