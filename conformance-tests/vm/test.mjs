#!/usr/bin/env node
// test.mjs [--quick]: runs the tests of real containers in virtual machines, with and without systemd, as root
// and as an ordinary user. The last line is `N passed, N failed, N skipped`.
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { cannotBeHad, patience, root, runMachine, sentence } from "./machine.mjs";

const resultDir = join(root, "build/test-results/vm");
const isQuick = process.argv.includes("--quick");
const limitSeconds = isQuick ? 900 : 1800;
const inDirectory = (name) => `conformance-tests/${name}/`;
const aboutCgroups = ["cgroups", "leaks", "lifecycle"].map(inDirectory);
const aboutSystemd = [
  ...["systemd", "cgroups", "leaks", "rootless"].map(inDirectory),
  "conformance-tests/lifecycle/(operations|races)",
  "conformance-tests/security/labels",
];
/** All else skips itself without root. */
const aboutUsers = ["rootless", "native"].map(inDirectory);
/** What is only between tsoci and its caller is the same on every machine. */
const aboutCallers = ["cli", "errors", "terminal", "validate"].map(inDirectory);
const allOthers = `--testPathIgnorePatterns=${aboutCallers.join("|")}`;
const third = (number) => ({
  // Two emulated processors wait for each other: they take a quarter more time for the same work.
  options: ["--cpus", "1"],
  tests: [allOthers, `--shard=${number}/3`],
});

/** Each machine runs its tests one after the other; two machines run at the same time. */
const machines = isQuick
  ? {
      init: { options: [], tests: aboutCgroups },
      systemd: { options: ["--systemd"], tests: ["cgroups", "leaks", "systemd"].map(inDirectory) },
    }
  : {
      "init, first third": third(1),
      "init, second third": third(2),
      "init, last third": third(3),
      systemd: { options: ["--systemd"], tests: aboutSystemd },
      "user, systemd": { options: ["--systemd", "--user"], tests: aboutUsers },
      "user, init": { options: ["--user"], tests: aboutUsers },
    };
const machinesAtOnce = 2;

function jestCommand(tests, report) {
  const jest = ["node", "node_modules/jest/bin/jest.js"];
  const settings = ["--config=conformance-tests/jest.config.js", "--runInBand"];
  return [...jest, ...settings, "--json", `--outputFile=${report}`, ...tests];
}

async function testIn(name, { options, tests }) {
  const file = join(resultDir, name.replaceAll(/\W+/g, "-"));
  const report = `${file}.json`;
  const log = `${file}.log`;
  const settings = ["--timeout", String(limitSeconds), "--env", `TSOCI_TEST_PATIENCE=${patience}`];
  const began = Date.now();
  const status = await runMachine(
    [...options, ...settings, "--", ...jestCommand(tests, report)],
    log,
  );
  const counts = countsOf(report, status);
  const seconds = Math.round((Date.now() - began) / 1000);
  console.log(`-- machine "${name}", ${seconds} s: ${sentence(counts)}`);
  if (counts.failed > 0) console.log(readFileSync(log, "utf8"));
  return counts;
}

function countsOf(report, status) {
  if (!existsSync(report)) return { passed: 0, failed: 1, skipped: 0 };
  const results = JSON.parse(readFileSync(report, "utf8"));
  const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
  return {
    passed: results.numPassedTests,
    // Jest may fail for a reason that is no test's: it found none, or the tests left something behind.
    failed: failed === 0 && status !== 0 ? 1 : failed,
    skipped: results.numPendingTests,
  };
}

async function main() {
  rmSync(resultDir, { recursive: true, force: true });
  // The ordinary user's report goes there too.
  mkdirSync(resultDir, { recursive: true, mode: 0o777 });
  chmodSync(resultDir, 0o777);

  // There is no compiler in the machines.
  const probe = join(root, "conformance-tests/probe/build.sh");
  execFileSync(probe, [join(root, "build/probe")], { stdio: ["ignore", "inherit", "inherit"] });
  // Made before, so that the machines need not wait for each other, and without a limit.
  const status = await runMachine(["--prepare"]);
  const total = { passed: 0, failed: 0, skipped: 0 };
  if (status === cannotBeHad) {
    console.log("skipped: no virtual machine can be had here, for the reason above");
    total.skipped = 1;
  } else {
    const waiting = Object.entries(machines);
    const testWaiting = async () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const counts = await testIn(...next);
        for (const key of Object.keys(total)) total[key] += counts[key];
      }
    };
    await Promise.all(Array.from({ length: machinesAtOnce }, testWaiting));
  }
  console.log(sentence(total));
  process.exitCode = total.failed === 0 ? 0 : 1;
}

await main();
