// The mutants: known ways to break the code.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { addon } from "./table/addon.mjs";
import { driver } from "./table/driver.mjs";
import { host } from "./table/host.mjs";
import { init } from "./table/init.mjs";
import { initMounts } from "./table/init-mounts.mjs";
import { plan } from "./table/plan.mjs";
import { shim } from "./table/shim.mjs";
import { spec } from "./table/spec.mjs";

/**
 * Each is {id, kind, breaks, file, find, replace, ask, survives?}: `breaks` says what goes wrong and for whom, `find`
 * is a text that the file has once, and `ask` are the tests that should notice, of which the first is asked first.
 * `survives` is the reason why none does.
 */
export const mutants = [
  ...spec,
  ...plan,
  ...driver,
  ...host,
  ...shim,
  ...init,
  ...initMounts,
  ...addon,
];

const kinds = new Set([
  "dropped step",
  "ignored errno",
  "leak",
  "loosened check",
  "order",
  "wrong value",
]);
const least = 50;

/** What is wrong with the table itself: a mutant that the code has left behind shows nothing. */
export function problemsOf(root) {
  const ids = new Set();
  const problems = mutants.flatMap((mutant) => {
    const { id, kind, find, replace, ask } = mutant;
    const found = [];
    if (ids.has(id)) found.push("there are two of that name");
    ids.add(id);
    if (!kinds.has(kind)) found.push(`"${kind}" is no kind of mutant`);
    if (find === replace) found.push("it changes nothing");
    if (ask.length === 0) found.push("it asks no test");
    const count = readFileSync(join(root, mutant.file), "utf8").split(find).length - 1;
    if (count !== 1) found.push(`its text is ${count} times in ${mutant.file}, and must be once`);
    return found.map((problem) => `${id}: ${problem}`);
  });
  return mutants.length >= least
    ? problems
    : [...problems, `there are ${mutants.length} mutants, and must be ${least}`];
}
