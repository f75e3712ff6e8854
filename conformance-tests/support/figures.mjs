import { appendFileSync } from "node:fs";

/** Whether the long form of a suite is asked for: `make prove` does, `make test` does not. */
export const isThorough = process.env.TSOCI_PROVE === "1";

/**
 * Tells a number that a suite found: one that docs/reliability.md shows. It goes to the file that
 * TSOCI_FIGURES names, a line of JSON each; without one nobody gathers them.
 */
export function tellFigure(suite, name, value) {
  const file = process.env.TSOCI_FIGURES;
  if (file !== undefined) appendFileSync(file, `${JSON.stringify({ suite, name, value })}\n`);
}
