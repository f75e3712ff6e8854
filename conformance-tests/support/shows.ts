import peers from "../peer-differences.json";
import { isTsoci, runtimeName } from "./environment";
import { type Need, reasonToSkip } from "./needs";

/** A group of tests that only root can run. */
export const rootSuite = (name: string, body: () => void) => suiteOf(["root"], name, body);

/** A group of tests that an ordinary user runs, and that root can show nothing with. */
export const userSuite = (name: string, body: () => void) => suiteOf(["no root"], name, body);

/** A group of tests that can all be run only with what is named. */
export function suiteOf(needs: readonly Need[], name: string, body: () => void): void {
  const reason = reasonToSkip(needs);
  if (reason === undefined) describe(name, body);
  else describe.skip(`${name} (${reason})`, body);
}

/**
 * A test that shows a clause of the specification, an advisory's rule, or a promise of ours.
 *
 * The sentence is the test's name. Where peer-differences.json says that another runtime is known to do
 * otherwise, the test must fail there, which shows that it can; if only now and then, it is left out.
 */
export function shows(
  clause: string,
  sentence: string,
  body: () => void | Promise<void>,
  needs: readonly Need[] = [],
  /** Milliseconds that it may take, where jest's own limit is too short. */
  timeoutMs?: number,
): void {
  const name = `${sentence} [${clause}]`;
  const run = async () => {
    await body();
  };
  const reason = reasonToSkip(needs);
  if (reason !== undefined) {
    test.skip(`${name} (${reason})`, run);
    return;
  }
  const difference = isTsoci ? undefined : differenceOf(sentence);
  if (difference === undefined) test(name, run, timeoutMs);
  else if (difference.startsWith("now and then")) test.skip(`${name} (${difference})`, run);
  else test.failing(`${name} (${runtimeName}: ${difference})`, run, timeoutMs);
}

/** Why the runtime under test is known not to show this, by peer-differences.json: its tests by reason. */
function differenceOf(sentence: string): string | undefined {
  const reasons = (peers as Record<string, Record<string, string[]>>)[runtimeName] ?? {};
  return Object.keys(reasons).find((reason) => reasons[reason]?.includes(sentence));
}
