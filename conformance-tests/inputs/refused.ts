import { isTsoci } from "../support/environment";
import type { Outcome } from "../support/runtime";

/** Words of an error that nobody has thought of: an engine's own. */
const unintended =
  /undefined|is not (a function|an object|iterable)|\[object |TypeError|RangeError|SyntaxError|JSON Parse|Unexpected (token|end|EOF)|\n\s+at |internal/i;

export interface Expected {
  readonly status?: number;
  /** What our error holds; other runtimes have their own words. */
  readonly says?: RegExp;
}

/** What is wrong with how a bad input was refused; nothing, when it was refused as it should be. */
export function mistakesIn(outcome: Outcome, { status = 1, says }: Expected = {}): string[] {
  if (outcome.timedOut) return ["hangs"];
  if (outcome.status === 0) return ["is accepted"];
  if (!isTsoci) return outcome.stderr.trim() === "" ? ["says nothing"] : [];
  const lines = outcome.stderr.split("\n").filter((line) => !line.includes("level=warning"));
  const found: string[] = [];
  if (outcome.status !== status) found.push(`exits with ${outcome.status}`);
  if (lines.length !== 2 || lines[1] !== "") found.push(`prints ${lines.length - 1} lines`);
  if (unintended.test(outcome.stderr)) found.push("says what nobody has thought of");
  if (says !== undefined && !says.test(outcome.stderr)) found.push(`does not say ${says}`);
  return found.length === 0 ? [] : [`${found.join(", ")}: ${outcome.stderr.slice(0, 600)}`];
}
