// Compares runtimes on this machine and writes bench/results.json, docs/benchmarks.md and its chart.
//
//   node bench/run.mjs [--rounds N] [--results FILE] [--docs DIR] [--only PART]... --runtime NAME=PATH...
//
// PART is "runtimes", "shims" or "callers"; with one the page is printed and nothing is written.
//
// One round runs everything once with each runtime, in an order that turns from round to round, so that
// whatever the machine does meanwhile happens to all of them alike. Needs root.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, statfsSync, writeFileSync } from "node:fs";
import { cpus, release, tmpdir, totalmem } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { judge } from "./bars.mjs";
import { timeCallers } from "./callers.mjs";
import { renderChart } from "./chart.mjs";
import { endWaiting, findLeastMemory, timeExec, timeExecs } from "./more-workload.mjs";
import { renderPage } from "./page.mjs";
import { timeShims } from "./shim/shims.mjs";
import { summarize } from "./statistics.mjs";
import { cleanUp, hiddenFrom, prepare, timeOnce, versionOf, weighOnce } from "./workload.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const warmUpRounds = 3;
const memoryRounds = 15;
const manyRounds = 9;
const limitRounds = 3;
const callerRounds = 3;

function parseCommandLine() {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "60" },
      results: { type: "string", default: join(root, "bench/results.json") },
      docs: { type: "string", default: join(root, "docs") },
      only: { type: "string", multiple: true, default: [] },
      runtime: { type: "string", multiple: true, default: [] },
    },
  });
  const runtimes = values.runtime.map((text) => {
    const [name, path] = text.split("=");
    const found = path?.includes("/") ? resolve(path) : lookUp(path);
    return { name, path: found };
  });
  const rounds = Number(values.rounds);
  const isPart = (name) => Object.hasOwn(parts, name);
  if (runtimes.length === 0 || !(rounds >= 1) || !values.only.every(isPart)) {
    const options = `[--rounds N] [--results FILE] [--docs DIR] [--only PART]...`;
    const names = Object.keys(parts).join(", ");
    throw new Error(`usage: run.mjs ${options} --runtime NAME=PATH...; parts are ${names}`);
  }
  return { ...values, rounds, runtimes };
}

const lookUp = (name) =>
  execFileSync("sh", ["-c", 'command -v -- "$1"', "sh", name], { encoding: "utf8" }).trim();

/**
 * Where bundle and state are kept: on a tmpfs, as /run is on a machine that runs containers. On a disk the
 * journal would be measured.
 */
function memoryDirectory() {
  const tmpfsMagic = 0x01021994;
  return ["/run", "/dev/shm"].find((path) => statfsSync(path).type === tmpfsMagic) ?? tmpdir();
}

/** Samples by measure and runtime; the order of the runtimes turns. */
function sample(runtimes, rounds, once, label) {
  const samples = Object.fromEntries(runtimes.map(({ name }) => [name, {}]));
  for (let round = -warmUpRounds; round < rounds; round++) {
    const turn = (round + warmUpRounds) % runtimes.length;
    for (const runtime of [...runtimes.slice(turn), ...runtimes.slice(0, turn)]) {
      const measured = once(runtime);
      if (round < 0) continue;
      for (const [measure, value] of Object.entries(measured)) {
        samples[runtime.name][measure] ??= [];
        samples[runtime.name][measure].push(value);
      }
    }
    if (process.stderr.isTTY)
      process.stderr.write(`\r${label}: ${Math.max(round + 1, 0)}/${rounds} `);
  }
  if (process.stderr.isTTY) process.stderr.write("\n");
  return samples;
}

function describeMachine() {
  const osRelease = readFileSync("/etc/os-release", "utf8");
  const mounts = readFileSync("/proc/self/mounts", "utf8");
  const kinds = [" cgroup ", " cgroup2 "].map((type) => mounts.includes(type));
  return {
    processor: cpus()[0]?.model.trim() ?? "unknown",
    processors: cpus().length,
    memoryBytes: totalmem(),
    kernel: release(),
    system: /^PRETTY_NAME="?(.*?)"?$/m.exec(osRelease)?.[1] ?? "unknown",
    cgroups: kinds[0] ? (kinds[1] ? "hybrid" : "v1") : "v2",
  };
}

/** { measure: { runtime: summary } } out of { runtime: { measure: samples } }. */
function summarizeAll(...sampleSets) {
  const measures = {};
  for (const samples of sampleSets) {
    for (const [runtime, byMeasure] of Object.entries(samples)) {
      for (const [measure, values] of Object.entries(byMeasure)) {
        measures[measure] ??= {};
        measures[measure][runtime] = summarize(values);
      }
    }
  }
  return measures;
}

/** Each gives samples by runtime and measure, or a list of such. */
const parts = { runtimes: sampleRuntimes, shims: timeShims, callers: sampleCallers };

function sampleRuntimes(bench, runtimes, rounds) {
  const timeRound = (runtime) => ({
    ...timeOnce(bench, runtime),
    exec: timeExec(bench, runtime),
  });
  const weigh = (runtime) => weighOnce(bench, runtime);
  const timeMany = (runtime) => timeExecs(bench, runtime);
  const findLeast = (runtime) => findLeastMemory(bench, runtime);
  return [
    sample(runtimes, rounds, timeRound, "time"),
    sample(runtimes, Math.min(rounds, memoryRounds), weigh, "memory"),
    sample(runtimes, Math.min(rounds, manyRounds), timeMany, "exec"),
    sample(runtimes, Math.min(rounds, limitRounds), findLeast, "limit"),
  ];
}

function sampleCallers(_bench, runtimes, rounds) {
  return timeCallers(runtimes, Math.min(rounds, callerRounds));
}

async function main() {
  const options = parseCommandLine();
  if (process.getuid() !== 0) throw new Error("containers need root: sudo make bench");
  const { runtimes, rounds, only } = options;
  const specRuntime = runtimes.find(({ name }) => name === "tsoci") ?? runtimes[0];
  const bench = prepare(mkdtempSync(join(memoryDirectory(), "tsoci-bench-")), specRuntime);
  try {
    const sampled = [];
    for (const [name, take] of Object.entries(parts)) {
      if (only.length > 0 && !only.includes(name)) continue;
      sampled.push(...[await take(bench, runtimes, rounds)].flat());
    }
    const results = {
      date: new Date().toISOString().slice(0, 10),
      machine: describeMachine(),
      rounds,
      memoryRounds,
      versions: Object.fromEntries(runtimes.map((runtime) => [runtime.name, versionOf(runtime)])),
      hidden: runtimes.flatMap((runtime) => {
        const dir = hiddenFrom(runtime);
        return dir === undefined ? [] : [{ name: runtime.name, dir }];
      }),
      measures: summarizeAll(...sampled),
    };
    results.bars = judge(results.measures);
    const page = renderPage(results);
    if (only.length === 0) {
      writeFileSync(options.results, `${JSON.stringify(results, null, 2)}\n`);
      writeFileSync(join(options.docs, "benchmarks.svg"), renderChart(results));
      writeFileSync(join(options.docs, "benchmarks.md"), page);
    }
    console.log(page);
  } finally {
    endWaiting(bench, runtimes);
    cleanUp(bench);
  }
}

await main();
