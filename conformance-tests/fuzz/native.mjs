// Targets in C++: native/fuzz, built with clang and run by libFuzzer.
import { execFile, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { promisify } from "node:util";
import { root } from "./driver.mjs";
import { unpackSeeds } from "./seeds.mjs";

const run = promisify(execFile);
const buildDir = `${root}build/native-fuzz`;
const mostOutputBytes = 64 * 1024 * 1024;

/** How many inputs each target gets in the quick form: some seconds' worth. */
export const nativeRuns = {
  annotations: 30_000,
  lookup: 10_000,
  messages: 40_000,
  mount_info: 80_000,
  mount_options: 80_000,
  netlink: 150_000,
  passwd: 60_000,
  plan: 200_000,
  protobuf: 80_000,
};

/** What keeps them from being built; undefined when they are there. */
export async function buildTargets() {
  const missing = install("clang") ?? install(`libclang-rt-${await clangVersion()}-dev`);
  if (missing !== undefined) return missing;
  const options = { cwd: root, maxBuffer: mostOutputBytes };
  await run(
    "cmake",
    ["-S", "native/fuzz", "-B", buildDir, "-DCMAKE_CXX_COMPILER=clang++"],
    options,
  );
  await run("cmake", ["--build", buildDir, `-j${availableParallelism()}`], options);
  return undefined;
}

function install(name) {
  const outcome = spawnSync(`${root}.ci/apt-install.sh`, [name], { encoding: "utf8" });
  return outcome.status === 0 ? undefined : outcome.stderr.trim();
}

/** The sanitizers' libraries are in a package of each version. */
async function clangVersion() {
  const { stdout } = await run("clang", ["-dumpversion"]);
  return stdout.split(".")[0];
}

/** All inputs of a directory once, which have to be whole plans. */
export async function readWholePlans(plansDir, { foundDir }) {
  const args = ["-runs=0", `-artifact_prefix=${foundDir}/plan-`, plansDir];
  await start("plan", args, { TSOCI_FUZZ_WHOLE: "1" });
  return { executions: readdirSync(plansDir).length };
}

/** Runs one target; throws with what libFuzzer said when an input fails. */
export async function fuzzNative(name, { runs, seed, foundDir, scratchDir, moreSeeds }) {
  const corpus = `${scratchDir}/${name}`;
  mkdirSync(corpus, { recursive: true });
  const seeds = `${scratchDir}/seeds-${name}`;
  unpackSeeds(`native ${name}`, seeds);
  const args = [
    `-runs=${runs}`,
    `-seed=${seed}`,
    "-print_final_stats=1",
    "-timeout=20",
    `-artifact_prefix=${foundDir}/${name}-`,
    ...dictionaryOf(name),
    corpus,
    ...(moreSeeds === undefined ? [seeds] : [seeds, moreSeeds]),
  ];
  const stderr = await start(name, args, { TMPDIR: scratchDir });
  return { executions: numberIn(stderr, /number_of_executed_units: (\d+)/) };
}

/** Words that a target's readers look for. */
function dictionaryOf(name) {
  const file = `${root}native/fuzz/${name}.dict`;
  return existsSync(file) ? [`-dict=${file}`] : [];
}

async function start(name, args, environment) {
  const env = { ...process.env, ...environment };
  try {
    const { stderr } = await run(`${buildDir}/${name}_fuzz`, args, {
      env,
      maxBuffer: mostOutputBytes,
    });
    return stderr;
  } catch (error) {
    const said = (error.stderr ?? "").split("\n").filter((line) => !line.startsWith("#"));
    throw new Error(said.length > 1 ? said.slice(-60).join("\n") : error.message);
  }
}

function numberIn(text, pattern) {
  const found = pattern.exec(text);
  if (found === null)
    throw new Error(`libFuzzer did not say how often it ran:\n${text.slice(-2000)}`);
  return Number(found[1]);
}
