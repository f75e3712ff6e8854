import type { Addon } from "../addon/bindings";
import { RuntimeError } from "../errors/runtime-error";
import type { Trace } from "../trace/trace";
import { describeReport, initFailure, receive } from "./receive";

/** Answers what init asks for right before the program: for the agent of seccomp notifications. */
export interface LateAnswers {
  /** Owns the descriptor, if one came along. */
  answer(request: number, fd: number | undefined): void;
  close(): void;
}

export interface ExecveTalk {
  readonly addon: Addon;
  /** To init; close-on-exec at its end, so that its end of file is the execve. */
  readonly connection: number;
  /** The step of that index; undefined for one that is not known. */
  readonly stepAt: (index: number) => { readonly op: string; readonly label: string } | undefined;
  /** Called when init asks for the first time. */
  readonly makeAnswers: () => LateAnswers;
  readonly warn: (message: string) => void;
  readonly trace: Trace;
}

/** Serves init until it has become the program. Throws PROGRAM_FAILED, or what the failed step means. */
export function serveUntilExecve(talk: ExecveTalk): void {
  const { addon, connection, stepAt, trace } = talk;
  const label = (index: number) => stepAt(index)?.label ?? `step ${index}`;
  let answers: LateAnswers | undefined;
  try {
    while (true) {
      const { message, fd } = receive(addon, connection);
      if (message === undefined) return;
      switch (message.kind) {
        case "request":
          answers ??= talk.makeAnswers();
          answers.answer(message.request, fd);
          break;
        case "trace":
          trace.addInitSlices(message.slices, (index) => ({ name: label(index) }));
          break;
        case "warning":
          talk.warn(`${label(message.step)}: ${describeReport(addon, message)}`);
          break;
        case "failure":
          throw initFailure(addon, message, stepAt(message.step)?.op, label(message.step));
        default:
          throw new RuntimeError("INIT_FAILED", `init sent "${message.kind}" out of turn`);
      }
    }
  } finally {
    answers?.close();
  }
}
