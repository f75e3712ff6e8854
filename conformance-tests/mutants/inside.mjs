// inside.mjs TASK: the work of run.mjs, in the namespaces that it made.

import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { tellFigure } from "../support/figures.mjs";
import { mutants } from "./table.mjs";
import { Tests } from "./tests.mjs";
import { breakFile, build, enterCopy } from "./tree.mjs";
import { widerThan } from "./wider.mjs";

const { root, dir, chosen, isWhole, asksWidely, leastKilled } = JSON.parse(process.argv[2]);

const programsOf = (ask) => [
  ...new Set(ask.flatMap(({ kind, program }) => (kind === "native" ? program : []))),
];

const needsRuntime = (ask) => ask.some(({ kind }) => kind === "containers");

/** What of `ask` has a test that can run on this machine, by what the tests said of the code as it is. */
function answerable({ id, ask }, baseline) {
  return ask.filter((one) => {
    const { passed, skipped, failed, trouble } = baseline.get(one);
    const what = `${one.file ?? one.program} ${one.sentence ?? one.name ?? ""}`.trim();
    if (failed.length > 0 || trouble !== undefined) {
      throw new Error(`${id}: without it "${what}" fails: ${trouble ?? failed[0].name}`);
    }
    if (passed.length === 0 && skipped.length === 0) throw new Error(`${id}: no test "${what}"`);
    return passed.length > 0;
  });
}

/** The test that notices; undefined when none of these does. */
function noticedBy(tests, asked) {
  for (const one of asked) {
    const { failed, trouble } = tests.one(one);
    if (trouble !== undefined) throw new Error(trouble);
    if (failed.length > 0) return failed[0];
  }
  return undefined;
}

function noticedWidely(tests, mutant) {
  for (const [kind, files] of widerThan(root, mutant)) {
    const { failed, trouble } = tests.jest(kind, files);
    if (trouble !== undefined) throw new Error(trouble);
    if (failed.length > 0) return failed[0];
  }
  return undefined;
}

/** Breaks, builds, asks, mends. The next build mends what was built. */
function attempt(tests, mutant, asked) {
  const mend = breakFile(root, mutant);
  try {
    if (needsRuntime(asked) || programsOf(asked).length > 0) build(root, programsOf(asked));
    const noticed = noticedBy(tests, asked);
    // Of one that is known to survive the table says why.
    if (noticed !== undefined || !asksWidely || mutant.survives !== undefined) return noticed;
    build(root, []);
    return noticedWidely(tests, mutant);
  } finally {
    mend();
  }
}

function main() {
  spawnSync("ip", ["link", "set", "lo", "up"]);
  enterCopy(root, join(dir, "tree"));
  const temporaryDir = join(dir, "tmp");
  mkdirSync(temporaryDir);
  const tests = new Tests(root, temporaryDir);
  const tried = mutants.filter(({ id }) => chosen.includes(id));
  const asked = tried.flatMap(({ ask }) => ask);
  build(root, programsOf(asked));
  const baseline = tests.baseline(asked);

  const counts = { killed: 0, survived: 0, invalid: 0, skipped: 0 };
  for (const mutant of tried) {
    const { id, breaks, survives } = mutant;
    try {
      const can = answerable(mutant, baseline);
      if (can.length === 0) {
        counts.skipped += 1;
        console.log(`ok ${id} # SKIP no test of it can run on this machine`);
        continue;
      }
      const noticed = attempt(tests, mutant, can);
      if (noticed === undefined) {
        counts.survived += 1;
        console.log(`survived ${id}: ${breaks}${survives === undefined ? "" : ` (${survives})`}`);
        if (isWhole) tellFigure("mutants", `survivor: ${id}`, breaks);
      } else {
        counts.killed += 1;
        console.log(`ok ${id}: ${noticed.file} "${noticed.name}"`);
        if (survives !== undefined) {
          counts.invalid += 1;
          console.log(`not ok ${id}: the table says that it survives`);
        }
      }
    } catch (error) {
      counts.invalid += 1;
      console.log(`not ok ${id}: ${error.message}`);
    }
  }
  conclude(counts);
}

function conclude({ killed, survived, invalid, skipped }) {
  const tried = killed + survived;
  const tooFew = killed < leastKilled * tried;
  if (tooFew) console.log(`not ok ${killed} of ${tried} were killed, and must be nine of ten`);
  if (isWhole) {
    tellFigure("mutants", "mutants tried", tried);
    tellFigure("mutants", "mutants killed", killed);
  }
  const failed = invalid + (tooFew ? 1 : 0);
  console.log(`${killed} passed, ${failed} failed, ${survived + skipped} skipped`);
  process.exitCode = failed === 0 ? 0 : 1;
}

main();
