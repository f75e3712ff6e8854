#!/usr/bin/env node
// Fuzzes what reads foreign bytes, in C++ and in TypeScript. Ends with `N passed, N failed, N skipped`.
//
//   run.mjs [--seed N] [TARGET]...
//
// TARGET is a part of a target's name, as `native plan`. Without TSOCI_PROVE=1 each gets some seconds' worth of
// inputs, always the same for the same seed. An input at which a target fails is left in build/fuzz-found. Needs
// `make library`, and clang.
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { isThorough, tellFigure } from "../support/figures.mjs";
import { builtDir, root } from "./driver.mjs";
import { driverRuns, fuzzDriver } from "./driver-targets.mjs";
import { buildTargets, fuzzNative, nativeRuns, readWholePlans } from "./native.mjs";

const foundDir = `${root}build/fuzz-found`;
const planCount = 400;

/** How much longer the long form is. */
const factorOf = { "C++": isThorough ? 4 : 1, TypeScript: isThorough ? 3 : 1 };

function parseCommandLine() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { seed: { type: "string", default: "1" } },
  });
  const seed = Number(values.seed);
  if (!Number.isInteger(seed) || seed < 1) {
    console.error("usage: run.mjs [--seed N] [TARGET]...");
    process.exit(2);
  }
  return { seed, wanted: positionals };
}

/** Each run of a target: its name, in which language it is, and what carries it out. */
function jobsOf({ seed, scratchDir, cannotBuild }) {
  const options = { seed, foundDir, scratchDir };
  const plansDir = `${scratchDir}/plans`;
  const native = Object.entries(nativeRuns).map(([name, runs]) => ({
    name: `native ${name}`,
    language: "C++",
    skipped: cannotBuild,
    run: () =>
      fuzzNative(name, {
        ...options,
        runs: runs * factorOf["C++"],
        moreSeeds: name === "plan" ? plansDir : undefined,
      }),
  }));
  const driver = Object.entries(driverRuns).map(([name, runs]) => ({
    name: `driver ${name}`,
    language: "TypeScript",
    run: () => fuzzDriver(name, { ...options, runs: runs * factorOf.TypeScript }),
  }));
  const whole = {
    name: "native whole plans",
    language: "C++",
    skipped: cannotBuild,
    run: () => readWholePlans(plansDir, options),
  };
  return [...driver, whole, ...native];
}

/** As many at the same time as there are processors; each tells of itself when it ends. */
async function runAll(jobs) {
  const waiting = [...jobs];
  const outcomes = [];
  const worker = async () => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
      outcomes.push(await outcomeOf(job));
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return outcomes;
}

async function outcomeOf({ name, language, skipped, run }) {
  if (skipped !== undefined) {
    console.log(`ok fuzz ${name} # SKIP ${skipped}`);
    return { language, result: "skipped", executions: 0 };
  }
  try {
    const { executions } = await run();
    console.log(`ok fuzz ${name}: ${executions.toLocaleString("en")} executions`);
    tellFigure("fuzz", `executions of ${name}`, executions);
    return { language, result: "passed", executions };
  } catch (error) {
    console.log(`FAILED fuzz ${name}\n${error.message}`);
    return { language, result: "failed", executions: 0 };
  }
}

function summarize(outcomes) {
  const count = (result) => outcomes.filter((outcome) => outcome.result === result).length;
  for (const language of Object.keys(factorOf)) {
    const ran = outcomes.filter((outcome) => outcome.language === language);
    const executions = ran.reduce((sum, outcome) => sum + outcome.executions, 0);
    tellFigure("fuzz", `executions in ${language}`, executions);
  }
  tellFigure("fuzz", "targets", outcomes.length - count("skipped"));
  tellFigure("fuzz", "targets at which an input failed", count("failed"));
  console.log(`${count("passed")} passed, ${count("failed")} failed, ${count("skipped")} skipped`);
  return count("failed");
}

async function main() {
  const { seed, wanted } = parseCommandLine();
  if (!existsSync(builtDir)) throw new Error("build/js is not there: `make library` builds it");
  mkdirSync(foundDir, { recursive: true });
  // Files in memory, where that is possible: one target makes and removes directories all the time.
  const scratchDir = mkdtempSync(`${existsSync("/dev/shm") ? "/dev/shm" : tmpdir()}/tsoci-fuzz-`);
  process.on("exit", () => rmSync(scratchDir, { recursive: true, force: true }));
  const cannotBuild = await buildTargets();
  const writer = fileURLToPath(new URL("write-plans.mjs", import.meta.url));
  const writing = [writer, `${scratchDir}/plans`, String(planCount), String(seed)];
  await promisify(execFile)(process.execPath, writing);
  const jobs = jobsOf({ seed, scratchDir, cannotBuild }).filter(
    ({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)),
  );
  process.exitCode = summarize(await runAll(jobs)) === 0 ? 0 : 1;
}

await main();
