// Which branches of the driver a run has taken: its modules count them, from when they are loaded by Node.
import { createRequire } from "node:module";
import { builtDir } from "./driver.mjs";

const require = createRequire(import.meta.url);

// In one place for all modules, so that they are cleared and looked at in microseconds.
const counts = new Uint32Array(64 * 1024);
globalThis.__tsociBranches = counts;
let used = 0;

/** Has the modules below the driver's `prefixes` ("spec/") count their branches from now on. */
export function countBranches(prefixes) {
  const { createInstrumenter } = require("istanbul-lib-instrument");
  const { Module } = require("node:module");
  const instrumenter = createInstrumenter({ esModules: false, compact: true });
  const plain = Module.prototype._compile;
  Module.prototype._compile = function compile(text, file) {
    const isCounted = prefixes.some((prefix) => file.startsWith(`${builtDir}${prefix}`));
    return plain.call(this, isCounted ? counting(instrumenter, text, file) : text, file);
  };
}

/** The instrumenter counts in objects of each module; of its counters those of branches and functions are kept. */
function counting(instrumenter, text, file) {
  return instrumenter
    .instrumentSync(text, file)
    .replace(/\bcov_\w+\(\)\.s\[\d+\]\+\+/g, "0")
    .replace(/\bcov_\w+\(\)\.(?:f\[\d+\]|b\[\d+\]\[\d+\])\+\+/g, () => {
      if (used === counts.length) throw new Error("there are more branches than counters");
      return `__tsociBranches[${used++}]++`;
    });
}

/** How often a branch was taken, in steps: a loop that runs twice is news, one of 37 rounds is not. */
const steps = [0, 1, 2, 3, 4, 8, 16, 32, 128];
const stepOf = (count) => steps.findLastIndex((least) => count >= least);

/** Notices when a run does what none before it did. */
export class Novelty {
  best = new Uint8Array(counts.length);
  branches = 0;

  begin() {
    counts.fill(0, 0, used);
  }

  /** Whether anything since `begin` was new. */
  isNew() {
    let found = false;
    for (let index = 0; index < used; index++) {
      if (counts[index] === 0) continue;
      const step = stepOf(counts[index]);
      if (step <= this.best[index]) continue;
      if (this.best[index] === 0) this.branches += 1;
      this.best[index] = step;
      found = true;
    }
    return found;
  }
}
