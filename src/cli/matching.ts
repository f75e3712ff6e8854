import type { ErrorCode } from "../errors/codes";
import { describeError } from "../errors/describe";
import { RuntimeError } from "../errors/runtime-error";
import type { RuntimeOptions } from "../lifecycle/requests";
import { listIds } from "../state/store";
import { quoted } from "./quoted";
import { UsageError } from "./usage-error";
import { checkedId } from "./values";

/** A word of the command line as a regular expression. */
export function parsePattern(text: string): RegExp {
  try {
    return new RegExp(text, "u");
  } catch (error) {
    throw new UsageError(`${quoted(text)} is not a regular expression: ${describeError(error)}`);
  }
}

/** Of directories that are gone since they were listed, or that are there for other things than containers. */
const noContainer: ReadonlySet<ErrorCode> = new Set(["CONTAINER_UNKNOWN", "ID_INVALID"]);

/**
 * Does something to each container of the state root with an id that the pattern matches anywhere. One that it
 * cannot be done to keeps no other from it; the error names all of them.
 */
export function forEachMatching(
  { stateRoot }: Pick<RuntimeOptions, "stateRoot">,
  pattern: RegExp,
  operation: (id: string) => void,
): void {
  const failures: RuntimeError[] = [];
  for (const id of listIds(stateRoot).filter((name) => pattern.test(name))) {
    try {
      operation(checkedId(id));
    } catch (error) {
      const code = error instanceof RuntimeError ? error.code : "HOST_FAILED";
      if (noContainer.has(code)) continue;
      failures.push(new RuntimeError(code, JSON.stringify(id), { cause: error }));
    }
  }
  const [first] = failures;
  if (first !== undefined) {
    throw new RuntimeError(first.code, failures.map(describeError).join("; "));
  }
}
