// Compares shims by a caller that speaks to them as containerd does, without containerd: one worker for each shim,
// which take turns.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { removeCgroups } from "../../conformance-tests/shim/leftovers.mjs";
import { quantile } from "../statistics.mjs";
import { compile, hiddenFrom } from "../workload.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const apart = join(here, "../../conformance-tests/shim/apart.sh");
const ownShim = "containerd-shim-tsoci-v2";
const debianShim = "/usr/bin/containerd-shim-runc-v2";

/** How often each part is measured at most, besides the rounds to warm up. */
const plan = {
  cycle: { rounds: 60, warmUp: 3 },
  execs: { rounds: 10, warmUp: 1 },
  start: { rounds: 30, warmUp: 2 },
  stream: { rounds: 7, warmUp: 1 },
  memory: { rounds: 3, warmUp: 0 },
};

/**
 * With which shim a runtime is measured: tsoci with its own, which stands beside it, and the others with runc's,
 * which is told to call them. Undefined when it is not there.
 */
export function shimOf({ name, path }) {
  const shim = name === "tsoci" ? join(dirname(path), ownShim) : debianShim;
  if (!existsSync(shim)) return undefined;
  return name === "tsoci" ? { shim } : { shim, runtime: path };
}

/** Samples by runtime and measure, of at most so many rounds. */
export async function timeShims(bench, runtimes, mostRounds) {
  const programs = mkdtempSync(join(tmpdir(), "tsoci-shim-bench-"));
  const cgroupParent = `${bench.cgroupsPath}-shim`;
  const workers = [];
  try {
    for (const name of ["measure", "true", "wait", "write"]) {
      compile(`${name}.c`, join(programs, name));
    }
    const config = JSON.parse(readFileSync(join(bench.bundle, "config.json"), "utf8"));
    for (const runtime of runtimes) {
      const shim = shimOf(runtime);
      if (shim === undefined) {
        console.error(`shim: ${runtime.name} is left out, as its shim is not built`);
        continue;
      }
      workers.push(await startWorker(runtime, { ...shim, programs, config, cgroupParent }));
    }
    return await sampleAll(workers, mostRounds);
  } finally {
    for (const worker of workers) await worker.end();
    removeCgroups(cgroupParent);
    rmSync(programs, { recursive: true });
  }
}

async function startWorker(runtime, task) {
  const hidden = hiddenFrom(runtime);
  const around = hidden === undefined ? [] : ["--hide", hidden];
  const program = [process.execPath, join(here, "worker.mjs"), JSON.stringify(task)];
  const child = spawn(apart, [...around, ...program], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const gone = new Promise((resolve) => child.once("exit", resolve));
  const answer = () =>
    new Promise((resolve, reject) => {
      const ended = () => reject(new Error(`the worker for ${runtime.name} has ended`));
      child.once("exit", ended);
      child.once("message", ({ samples, failure }) => {
        child.off("exit", ended);
        if (failure === undefined) resolve(samples);
        else reject(new Error(`${runtime.name}: ${failure}`));
      });
    });
  await answer();
  const measure = (part) => {
    child.send(part);
    return answer();
  };
  const end = () => {
    if (child.connected) child.disconnect();
    return gone;
  };
  return { name: runtime.name, measure, end };
}

async function sampleAll(workers, mostRounds) {
  const samples = Object.fromEntries(workers.map(({ name }) => [name, {}]));
  for (const [part, { rounds, warmUp }] of Object.entries(plan)) {
    const last = Math.min(rounds, mostRounds);
    for (let round = -warmUp; round < last; round++) {
      const turn = (round + warmUp) % workers.length;
      for (const worker of [...workers.slice(turn), ...workers.slice(0, turn)]) {
        const measured = await worker.measure(part);
        if (round < 0) continue;
        for (const [measure, found] of Object.entries(measured)) {
          samples[worker.name][measure] ??= [];
          samples[worker.name][measure].push(...[found].flat());
        }
      }
      if (process.stderr.isTTY) process.stderr.write(`\rshim, ${part}: ${round + 1}/${last} `);
    }
  }
  for (const found of Object.values(samples)) {
    const sorted = [...found.shimExec].sort((a, b) => a - b);
    found.shimExecSlow = [quantile(sorted, 0.99)];
  }
  return samples;
}
