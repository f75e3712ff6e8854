// Runs the named test suites, all of them whatever fails, and ends with the sum over all:
// `N passed, N failed, N skipped`.
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runChecks } from "./check.mjs";
import {
  asRoot,
  jest,
  nativeTests,
  resultDir,
  root,
  run,
  script,
  sentence,
  sum,
} from "./run-suite.mjs";

/** Without it the tests that need one say so, and are skipped. */
function getCriu(prefix) {
  const command = [...prefix, "conformance-tests/checkpoint/get-criu.sh", "build/criu"];
  if (run(command).status !== 0) console.log("no CRIU that works here was to be had");
}

/** Clients that take a minute or two each; `make test-clients` runs all of them. */
const quickClients = [
  ["containerd", "dist/bin/tsoci"],
  ["containerd", "dist/bin/containerd-shim-tsoci-v2"],
  ["cri", "dist/bin/containerd-shim-tsoci-v2"],
  ["conmon", "dist/bin/tsoci"],
];

const suites = {
  check: runChecks,
  unit: () => jest("unit", ["--testMatch=<rootDir>/src/**/*.test.ts"]),
  native: nativeTests,
  // One file at a time: they count the mounts and cgroups of the whole machine.
  conformance: () =>
    asRoot((prefix) => {
      getCriu(prefix);
      const args = ["--config=conformance-tests/jest.config.js", "--runInBand"];
      return jest("conformance", args, prefix);
    }),
  "runtime-tools": () =>
    asRoot((prefix) => script("conformance-tests/runtime-tools.sh", ["dist/bin/tsoci"], prefix)),
  clients: () =>
    asRoot((prefix) =>
      sum(
        quickClients
          .filter(([, program]) => existsSync(join(root, program)))
          .map(([name, program]) =>
            script(`conformance-tests/clients/${name}.sh`, [program], prefix),
          ),
      ),
    ),
  fuzz: () => script("conformance-tests/fuzz/run.mjs"),
  sanitizers: () => asRoot((prefix) => script("conformance-tests/sanitizers/run.mjs", [], prefix)),
  mutants: () =>
    asRoot((prefix) => script("conformance-tests/mutants/run.mjs", ["--quick"], prefix)),
  shim: () =>
    asRoot((prefix) =>
      script(
        "conformance-tests/shim/stress.mjs",
        ["--quick", "dist/bin/containerd-shim-tsoci-v2"],
        prefix,
      ),
    ),
  // All of it takes 20 minutes: `make test-vm`.
  vm: () => {
    const form = process.env.TSOCI_VM === "full" ? [] : ["--quick"];
    return asRoot((prefix) => script("conformance-tests/vm/test.mjs", form, prefix));
  },
};

function main(names) {
  const unknown = names.filter((name) => suites[name] === undefined);
  if (names.length === 0 || unknown.length > 0) {
    console.error(`usage: test.mjs SUITE...; suites are ${Object.keys(suites).join(", ")}`);
    process.exit(2);
  }
  rmSync(resultDir, { recursive: true, force: true });
  mkdirSync(resultDir, { recursive: true });

  const counts = [];
  const lines = [];
  for (const name of names) {
    console.log(`\n== ${name}`);
    counts.push(suites[name]());
    lines.push(`${name.padEnd(16)}${sentence(counts.at(-1))}`);
  }
  const total = sum(counts);
  console.log(`\n${lines.join("\n")}`);
  console.log(sentence(total));
  writeFileSync(join(resultDir, "summary.txt"), `${sentence(total)}\n`);
  process.exitCode = total.failed === 0 ? 0 : 1;
}

main(process.argv.slice(2));
