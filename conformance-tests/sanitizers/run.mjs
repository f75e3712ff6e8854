#!/usr/bin/env node
// The C++ under the address, undefined behaviour and thread sanitizers, and as it is released under valgrind. Ends with
// `N passed, N failed, N skipped`. Needs root. TSOCI_PROVE=1 asks for the long form, SEED for other chances.
//
//   run.mjs [SUITE]...    SUITE is a part of a suite's name
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { isThorough, tellFigure } from "../support/figures.mjs";
import { build, buildReleased, layOut, repositoryDir } from "./builds.mjs";
import { Reports } from "./reports.mjs";
import * as suites from "./suites.mjs";

const firstSeed = Number(process.env.SEED ?? Date.now() % 1_000_000);

/** By chance, and again with SEED: as many as there are thousand registrations of each thread. */
const chances = isThorough
  ? { rounds: 10_000, seeds: [firstSeed, firstSeed + 1, firstSeed + 2, firstSeed + 3] }
  : { rounds: 2000, seeds: [firstSeed] };

/** Whole containers take long by Node with sanitizers: one file of each kind. */
const containerFiles = [
  "lifecycle/operations",
  "mounts/mounts",
  "exec/process.test",
  "hooks/order",
].map((name) => `conformance-tests/${name}`);

/** Made when the first suite needs it. */
const once = (make) => {
  let made;
  return () => {
    made ??= make();
    return made;
  };
};
const addressed = once(() => {
  const native = build("address");
  const reports = new Reports(
    join(repositoryDir, "build/address/reports"),
    join(native, "reports"),
  );
  const optionsFile = join(repositoryDir, "build/address/options");
  writeFileSync(optionsFile, reports.commandOptions.replaceAll(":", "\n"));
  return { native, reports, dir: layOut(optionsFile) };
});
const threaded = once(() => ({
  native: build("thread"),
  reports: new Reports(join(repositoryDir, "build/thread/reports")),
}));
const released = once(() => ({
  native: buildReleased(),
  reports: new Reports(join(repositoryDir, "build/valgrind-reports")),
}));

const memoryDefects = ["heap-overflow", "use-after-free", "stack-overflow"];
const undefinedDefects = ["signed-overflow", "copy-from-null"];

/** Sanitizer, suite, what it is built of, whether only the long form has it, and how it is run. */
const table = [
  {
    tool: "address and undefined",
    name: "defects that must be seen",
    made: addressed,
    run: ({ native, reports }) =>
      suites.eyes(reports, [
        ...suites.confinedDefects(native, [...memoryDefects, ...undefinedDefects]),
        ...suites.addonDefects(native, [...memoryDefects, ...undefinedDefects, "leak"], reports),
      ]),
  },
  {
    tool: "address and undefined",
    name: "units, init's steps and init",
    made: addressed,
    run: ({ native }) => suites.nativeTests(native),
  },
  {
    tool: "address and undefined",
    name: "addon by threads",
    made: addressed,
    run: ({ native }) => suites.hub(native, chances),
  },
  {
    tool: "address and undefined",
    name: "addon in Node",
    made: addressed,
    run: ({ dir, reports }) => suites.addonTests(dir, reports),
  },
  {
    tool: "address and undefined",
    name: "containers",
    made: addressed,
    isLong: true,
    run: ({ dir }) => suites.containerTests(dir, containerFiles),
  },
  {
    tool: "thread",
    name: "defects that must be seen",
    made: threaded,
    run: ({ native, reports }) => suites.eyes(reports, suites.plainDefects(native, ["data-race"])),
  },
  {
    tool: "thread",
    name: "addon by threads",
    made: threaded,
    run: ({ native }) => suites.hub(native, chances),
  },
  {
    tool: "valgrind",
    name: "defects that must be seen",
    made: released,
    isLong: true,
    run: ({ native, reports }) => suites.eyes(reports, suites.valgrindDefects(native)),
  },
  {
    tool: "valgrind",
    name: "init and addon as released",
    made: released,
    isLong: true,
    run: ({ native }) => suites.valgrindTests(native),
  },
  {
    tool: "valgrind",
    name: "launcher as released",
    made: released,
    isLong: true,
    run: () => suites.launcherTests(),
  },
];

/** Runs one: how many tests passed, failed and were skipped; a report is a failure. */
function runSuite({ tool, name, made, run }) {
  const parts = made();
  parts.reports.clear();
  const { printed, passed, failed, skipped } = run(parts);
  const reports = parts.reports.found(printed);
  if (failed > 0 || reports.length > 0) console.log(`${printed}\n${reports.join("\n")}`);
  console.log(
    `${tool}: ${name}: ${passed} passed, ${failed} failed, ${skipped} skipped, ${reports.length} reports`,
  );
  tellFigure("sanitizers", `tests of ${name} under ${tool}`, passed);
  return { passed, failed: failed + reports.length, skipped, reports: reports.length };
}

function main(names) {
  if (process.getuid() !== 0) throw new Error("init's steps and containers need root");
  const wanted = table.filter(
    ({ tool, name, isLong }) =>
      (isThorough || isLong !== true) &&
      (names.length === 0 || names.some((part) => `${tool}: ${name}`.includes(part))),
  );
  const packages = isThorough ? ["g++", "valgrind"] : ["g++"];
  const { status } = spawnSync(join(repositoryDir, ".ci/apt-install.sh"), packages, {
    stdio: "inherit",
  });
  if (status !== 0) throw new Error(`these packages are not there: ${packages.join(", ")}`);
  console.log(`seed ${firstSeed}`);
  const total = { passed: 0, failed: 0, skipped: 0, reports: 0 };
  for (const suite of wanted) {
    const counts = runSuite(suite);
    for (const key of Object.keys(total)) total[key] += counts[key];
  }
  tellFigure("sanitizers", "reports", total.reports);
  console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  process.exitCode = total.failed === 0 ? 0 : 1;
}

main(process.argv.slice(2));
