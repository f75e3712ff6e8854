/** One step of a JSON pointer (RFC 6901). */
export const escapePointerStep = (step: string): string =>
  step.includes("~") || step.includes("/")
    ? step.replaceAll("~", "~0").replaceAll("/", "~1")
    : step;

const unescapePointerStep = (step: string): string =>
  step.includes("~") ? step.replaceAll("~1", "/").replaceAll("~0", "~") : step;

/** The names and indices that a JSON pointer leads through. */
export const pointerSteps = (pointer: string): readonly string[] =>
  pointer.split("/").slice(1).map(unescapePointerStep);
