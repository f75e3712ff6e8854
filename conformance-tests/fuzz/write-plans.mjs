// Plans as the driver sends them, a file each: write-plans.mjs DIR COUNT SEED. Those that were reviewed, and those of
// COUNT configs by chance.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { load, root } from "./driver.mjs";
import { nearly, spelled } from "./from-schema.mjs";
import { showPlansOf } from "./plans.mjs";

const [dir, count, seed] = process.argv.slice(2);
const goldenDir = `${root}src/plan/golden`;

const { encodePlan } = load("plan/encode");
const { stepLayouts } = load("generated/plan");
const { parseConfig } = load("spec/parse-config");
const { defaultConfig } = load("spec/default-config");

/** How values that JSON does not have are printed by src/plan/golden/print-plan.ts. */
const revived = {
  u64: (text) => BigInt(text.slice(0, -1)),
  bytes: (object) => Uint8Array.from(Object.values(object)),
};

function stepOf(line) {
  const step = JSON.parse(line.replace(/ {2}# \S*$/, ""));
  const fields = stepLayouts[step.op].fields.map(([name, type]) => [
    name,
    revived[type]?.(step[name]) ?? step[name],
  ]);
  return Object.fromEntries([["op", step.op], ...fields]);
}

function reviewedPlan(file) {
  const lines = readFileSync(`${goldenDir}/${file}`, "utf8").split("\n");
  const steps = lines.filter((line) => line.startsWith('{"op"')).map(stepOf);
  return encodePlan(steps, { linkFd: 3, fds: [4, 5, 6, 7, 8, 9], trace: true });
}

function plansByChance() {
  const configs = fc.sample(nearly("config.json", defaultConfig({ cgroupVersion: 1 }), 4), {
    numRuns: Number(count),
    seed: Number(seed),
  });
  return configs.flatMap((config) => {
    const parsed = parseConfig(Buffer.from(spelled(config, "plain")));
    return parsed.ok ? showPlansOf(parsed.config) : [];
  });
}

mkdirSync(dir, { recursive: true });
const reviewed = readdirSync(goldenDir)
  .filter((file) => file.endsWith(".txt"))
  .map(reviewedPlan);
for (const [index, plan] of [...reviewed, ...plansByChance()].entries()) {
  writeFileSync(`${dir}/${String(index).padStart(5, "0")}`, plan);
}
