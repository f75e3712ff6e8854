import { RuntimeError } from "../errors/runtime-error";
import { formatLogLine } from "../log/lines";

/** A failure as runc tells of it. */
export interface RuncFailure {
  readonly message: string;
  /** What standard error gets when the log has no file and is text. */
  readonly line: string;
}

/** Where init is what failed, and not the driver. */
const inInit: ReadonlySet<string> = new Set([
  "INIT_FAILED",
  "INIT_DIED",
  "HOOK_FAILED",
  "PROGRAM_FAILED",
]);

const beginnings: Readonly<Record<string, string>> = {
  create: "runc create failed: ",
  run: "runc run failed: ",
  exec: "exec failed: ",
};

/**
 * The words of runc for a failure that `message` describes: whoever calls us by its name may look for them.
 * A failed execve is told by init itself there, when nobody is left to put anything in front.
 */
export function tellAsRunc(error: unknown, message: string): RuncFailure {
  const [, command = "", reason = message] = /^(\w+) "[^"]*": (.*)$/s.exec(message) ?? [];
  const code = error instanceof RuntimeError ? error.code : "";
  if (code === "PROGRAM_FAILED" && reason.startsWith("exec /")) {
    const bare = reason.replace(/ \(E[A-Z0-9]+\)$/, "");
    return { message: bare, line: `${bare}\n` };
  }
  const beginning = beginnings[command];
  if (beginning === undefined) return withLine(message);
  const place = inInit.has(code)
    ? "unable to start container process: error during container init: "
    : "";
  return withLine(`${beginning}${place}${reason}`);
}

const withLine = (message: string): RuncFailure => ({
  message,
  line: formatLogLine("text", "error", message),
});
