// Inputs to begin with, a file for each target with one of them on a line, in base64: such as found something, or
// led to code that nothing else reached.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";

/** Of a target by its whole name, as "native plan". */
export function seedsOf(target) {
  const file = new URL(`seeds/${target.replace(" ", "-")}.txt`, import.meta.url);
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").split("\n").slice(0, -1);
  return lines.map((line) => Buffer.from(line, "base64"));
}

/** As a file each in `dir`, which is made, for a fuzzer that reads them so. */
export function unpackSeeds(target, dir) {
  mkdirSync(dir);
  for (const [index, seed] of seedsOf(target).entries()) {
    writeFileSync(`${dir}/${String(index).padStart(4, "0")}`, seed);
  }
}
