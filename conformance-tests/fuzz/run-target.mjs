// Runs one target of the driver in a process of its own: run-target.mjs TARGET RUNS SEED FOUND-DIR. Prints what
// came of it as one line of JSON.
import { mkdirSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { countBranches } from "./coverage.mjs";
import { Found, fuzzByCoverage } from "./guided.mjs";
import { seedsOf } from "./seeds.mjs";

const [name, runsText, seedText, foundDir] = process.argv.slice(2);
const [runs, seed] = [Number(runsText), Number(seedText)];

/** Below src/, the modules whose branches guide the fuzzer. */
const covers = {
  "command-line": ["cli/"],
  config: ["spec/", "plan/", "generated/validate-config"],
  fragments: ["spec/", "plan/"],
  frames: ["shim/ttrpc/"],
  json: ["spec/json", "spec/canonical-json"],
  messages: ["launch/messages"],
  options: ["spec/", "shim/", "cgroups/", "cli/", "resctrl/"],
  protobuf: ["generated/shim/", "shim/"],
  records: ["state/"],
  server: ["shim/ttrpc/", "generated/shim/ttrpc"],
};

/** How a target's runs are shared when it takes both bytes and values: a value takes longer to make. */
const partOfValues = 4;

async function fuzzValues({ values, checkValue }, count) {
  const property = fc.asyncProperty(values, async (value) => {
    await checkValue(value);
  });
  const outcome = await fc.check(property, { numRuns: count, seed, endOnFailure: false });
  if (!outcome.failed) return;
  const input = Buffer.from(fc.stringify(outcome.counterexample));
  throw new Found(input, outcome.errorInstance ?? outcome.error);
}

async function main() {
  // Before the target is loaded: modules count branches only when it was asked for.
  countBranches(covers[name] ?? []);
  const { target } = await import(`./targets/${name}.mjs`);
  const seeds = [...seedsOf(`driver ${name}`), ...(target.seeds?.() ?? [])];
  const valueRuns = target.values === undefined ? 0 : Math.ceil(runs / partOfValues);
  if (target.values !== undefined) await fuzzValues(target, valueRuns);
  if (target.check === undefined) return { executions: valueRuns };
  const { corpus, branches } = await fuzzByCoverage(target, seeds, { runs, seed });
  if (process.env.TSOCI_FUZZ_KEEP !== undefined) keep(corpus, seeds.length);
  return { executions: valueRuns + runs, kept: corpus.length, branches };
}

function keep(corpus, seedCount) {
  const dir = `${process.env.TSOCI_FUZZ_KEEP}/${name}`;
  mkdirSync(dir, { recursive: true });
  for (const [index, input] of corpus.slice(seedCount).entries()) {
    writeFileSync(`${dir}/kept-${index}`, input);
  }
}

function report(error) {
  if (!(error instanceof Found)) throw error;
  mkdirSync(foundDir, { recursive: true });
  const file = `${foundDir}/${name}-${seed}`;
  writeFileSync(file, error.input);
  return { found: file, message: error.message };
}

console.log(JSON.stringify(await main().catch(report)));
