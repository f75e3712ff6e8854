// What needs a container that lives, or many runs for one figure.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { commandOf, timed, timedCommand, withContainer } from "./workload.mjs";

const execsAtOnce = 100;

/** One container for each runtime, whose program waits. */
const waiting = new Map();

function waitingContainer(bench, runtime) {
  const known = waiting.get(runtime.name);
  if (known !== undefined) return known;
  const id = `bench-waiting-${runtime.name}-${process.pid}`;
  const bundle = bench.bundleWith(`waiting-${runtime.name}`, ({ process: program, linux }) => {
    program.args = ["/wait"];
    linux.cgroupsPath = `${bench.cgroupsPath}-${runtime.name}`;
  });
  timed(bench, runtime, ["create", "--bundle", bundle, id]);
  waiting.set(runtime.name, id);
  timed(bench, runtime, ["start", id]);
  return id;
}

/** In ms. */
export function timeExec(bench, runtime) {
  const id = waitingContainer(bench, runtime);
  return timed(bench, runtime, ["exec", id, "/true"]).ms;
}

/** One round of many at the same time, in ms. */
export function timeExecs(bench, runtime) {
  const one = commandOf(bench, runtime, ["exec", waitingContainer(bench, runtime), "/true"]);
  const script = `for _ in $(seq ${execsAtOnce}); do "$@" & pids="$pids $!"; done
    for pid in $pids; do wait "$pid" || exit; done`;
  return { execMany: timedCommand(bench, runtime, ["/bin/sh", "-c", script, "sh", ...one]).ms };
}

export function endWaiting(bench, runtimes) {
  for (const runtime of runtimes) {
    const id = waiting.get(runtime.name);
    if (id !== undefined) timed(bench, runtime, ["delete", "--force", id]);
  }
}

const kibibyte = 1024;
const finest = 16 * kibibyte;

/** The least limit that the program runs with, in bytes, by halving. */
export function findLeastMemory(bench, runtime) {
  let fails = 0;
  let runs = 16 * kibibyte * kibibyte;
  while (runs - fails > finest) {
    const middle = fails + Math.ceil((runs - fails) / 2 / finest) * finest;
    if (runsWith(bench, runtime, middle)) runs = middle;
    else fails = middle;
  }
  return { leastMemory: runs };
}

function runsWith(bench, runtime, limit) {
  const name = `least-${runtime.name}`;
  const bundle = bench.bundleWith(name, ({ linux }) => {
    linux.resources = { ...linux.resources, memory: { limit } };
  });
  try {
    return withContainer(bench, runtime, (id) => {
      timed(bench, runtime, ["run", "--bundle", bundle, id]);
      return true;
    });
  } catch {
    // It was killed for lack of memory, or so was what should have run it.
    return false;
  } finally {
    rmSync(join(bench.dir, name), { recursive: true });
  }
}
