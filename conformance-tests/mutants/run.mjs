#!/usr/bin/env node
// Breaks the code in known ways, one after the other, and sees whether the tests notice. Ends with
// `N passed, N failed, N skipped`: killed, what may not be, survived or not to be asked on this machine.
//
//   run.mjs [--quick] [--seed N] [MUTANT]...
//
// --quick takes a handful by chance, for continuous integration; TSOCI_PROVE=1 takes all of them even then. MUTANT is
// a part of a mutant's name. Needs root, and a tree that `make all library` has built. It works on a copy of the tree,
// in namespaces of its own: a broken runtime may do anything to mounts, processes, names and interfaces there.
import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Random } from "../fuzz/random.mjs";
import { isThorough } from "../support/figures.mjs";
import { removeLeftCgroups } from "./leftovers.mjs";
import { mutants, problemsOf } from "./table.mjs";
import { copyTree } from "./tree.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

/** Its end is the end of all processes inside. */
const apart = [
  ...["--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc"],
  ...["--net", "--uts", "--ipc"],
];

function parseCommandLine() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: "boolean", default: false },
      seed: { type: "string", default: String(Date.now() % 1_000_000) },
    },
  });
  if (Number.isNaN(Number(values.seed))) {
    console.error("usage: run.mjs [--quick] [--seed N] [MUTANT]...");
    process.exit(2);
  }
  return { quick: values.quick && !isThorough, seed: Number(values.seed), names: positionals };
}

/** Fewer than nine of ten killed is a failure of the tests. */
const leastKilled = 0.9;
const quickly = { unit: 4, containers: 2, native: 2 };

/** Some of each kind of test that is asked first; those that are known to survive show nothing. */
function aHandful(seed) {
  const random = new Random(seed);
  const shuffled = mutants
    .filter(({ survives }) => survives === undefined)
    .map((mutant) => ({ mutant, at: random.below(2 ** 31) }))
    .sort((one, other) => one.at - other.at)
    .map(({ mutant }) => mutant);
  return Object.entries(quickly).flatMap(([kind, count]) =>
    shuffled.filter(({ ask }) => ask[0].kind === kind).slice(0, count),
  );
}

function choose({ quick, seed, names }) {
  if (names.length > 0) {
    return mutants.filter(({ id }) => names.some((name) => id.includes(name)));
  }
  return quick ? aHandful(seed) : mutants;
}

async function main() {
  const { quick, seed, names } = parseCommandLine();
  const problems = problemsOf(root);
  for (const problem of problems) console.log(`not ok ${problem}`);
  if (problems.length > 0) {
    console.log(`0 passed, ${problems.length} failed, 0 skipped`);
    process.exitCode = 1;
    return;
  }
  if (process.getuid() !== 0) throw new Error("containers need root");
  const chosen = choose({ quick, seed, names }).map(({ id }) => id);
  console.log(`${chosen.length} of ${mutants.length} mutants, seed ${seed}`);

  const dir = mkdtempSync(join(tmpdir(), "tsoci-mutants-"));
  // Containers of other users than root have their files below it.
  chmodSync(dir, 0o755);
  try {
    copyTree(root, join(dir, "tree"));
    const isWhole = chosen.length === mutants.length;
    const task = { root, dir, chosen, isWhole, asksWidely: !quick, leastKilled };
    const inside = [process.execPath, `${here}inside.mjs`, JSON.stringify(task)];
    const child = spawn("unshare", [...apart, ...inside], {
      stdio: ["ignore", "inherit", "inherit"],
    });
    for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill("SIGKILL"));
    process.exitCode = await new Promise((done) =>
      child.on("close", (status) => done(status ?? 1)),
    );
    removeLeftCgroups(join(dir, "tmp"));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

await main();
