// The driver's modules as they were compiled, and what a fuzzed one may and may not throw.
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));
export const builtDir = `${root}build/js/`;

const require = createRequire(import.meta.url);

/** A directory of compiled modules, by its path below src/. */
export const builtIn = (dir) => `${builtDir}${dir}`;

/** A module of the driver, by its path below src/. */
export const load = (module) => require(`${builtDir}${module}.js`);

/** What is told to people has to fit on one line, whatever they wrote. */
export function assertOneLine(text) {
  if (/[\r\n]/.test(text)) throw new Error(`several lines: ${JSON.stringify(text)}`);
}

/** Runs `body`, which may refuse with a RuntimeError; answers what it returned, or undefined. */
export function mayRefuse(body) {
  const { RuntimeError } = load("errors/runtime-error");
  const { describeError } = load("errors/describe");
  try {
    return body();
  } catch (error) {
    if (!(error instanceof RuntimeError)) throw error;
    assertOneLine(describeError(error));
    return undefined;
  }
}

/** Throws when two values are not the same through and through; says of what. */
export function assertSame(what, found, expected) {
  const [one, other] = [found, expected].map((value) => JSON.stringify(value, exactly));
  if (one !== other) throw new Error(`${what}: ${one}, expected ${other}`);
}

function exactly(_, value) {
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  if (value instanceof Map) return [...value];
  return value;
}
