// Runs the named test suites, all of them whatever fails, and ends with the sum over all:
// `N passed, N failed, N skipped`. Containers need root; sudo is used when we are not root.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runChecks } from "./check.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const resultDir = join(root, "build/test-results");
const inCi = process.env.CI === "true";

function run(command, args) {
  return spawnSync(command, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
}

/** The same, and what it wrote to standard output. */
function capture([command, ...args]) {
  const outcome = spawnSync(command, args, {
    cwd: root,
    stdio: ["ignore", "pipe", "inherit"],
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  if (outcome.error !== undefined) console.log(outcome.error.message);
  process.stdout.write(outcome.stdout ?? "");
  return { status: outcome.status, stdout: outcome.stdout ?? "" };
}

/** How to run something as root, or undefined when nobody lets us. */
function rootPrefix() {
  if (process.getuid() === 0) return [];
  const ask = spawnSync("sudo", inCi ? ["-n", "true"] : ["true"], { stdio: "inherit" });
  return ask.status === 0 ? ["sudo", "--preserve-env=PATH,CI"] : undefined;
}

function asRoot(suite) {
  const prefix = rootPrefix();
  if (prefix !== undefined) return suite(prefix);
  console.log("needs root, and sudo does not give it");
  return { passed: 0, failed: inCi ? 1 : 0, skipped: inCi ? 0 : 1 };
}

function jest(name, args, prefix = []) {
  const report = join(resultDir, `${name}.json`);
  const call = [...prefix, process.execPath, "node_modules/jest/bin/jest.js", ...args];
  const [command, ...rest] = [...call, "--json", `--outputFile=${report}`];
  const outcome = run(command, rest);
  if (!existsSync(report)) return { passed: 0, failed: 1, skipped: 0 };
  const results = JSON.parse(readFileSync(report, "utf8"));
  const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
  return {
    passed: results.numPassedTests,
    // Jest may fail for a reason that is no test's: it found none, or the tests left something behind.
    failed: failed === 0 && outcome.status !== 0 ? 1 : failed,
    skipped: results.numPendingTests,
  };
}

/** Each test of a program says how it went on a line; ctest puts the number of the program in front. */
function nativeTests() {
  const built = run("cmake", ["--build", "build/native", "--target", "native-tests"]);
  if (built.status !== 0) return { passed: 0, failed: 1, skipped: 0 };
  const ctest = ["ctest", "--test-dir", "build/native", "--verbose"];
  const prefix = rootPrefix();
  if (prefix === undefined)
    console.log("the tests that mount need root, and sudo does not give it");
  const outcome = capture(
    prefix === undefined ? [...ctest, "--label-exclude", "root"] : [...prefix, ...ctest],
  );
  const outcomes = [...outcome.stdout.matchAll(/^\d+: (ok|skip|FAILED)\b/gm)].map(
    (line) => line[1],
  );
  const count = (kind) => outcomes.filter((found) => found === kind).length;
  const failed = count("FAILED");
  return {
    passed: count("ok"),
    failed: failed === 0 && (outcome.status !== 0 || outcomes.length === 0) ? 1 : failed,
    skipped: count("skip") + (prefix === undefined ? 1 : 0),
  };
}

/** Without it the tests that need one say so, and are skipped. */
function getCriu(prefix) {
  const [command, ...args] = [...prefix, "conformance-tests/checkpoint/get-criu.sh", "build/criu"];
  if (run(command, args).status !== 0) console.log("no CRIU that works here was to be had");
}

/** A suite that is a shell script: its last line says `N passed, N failed, N skipped`. */
function script(path, args, prefix) {
  const outcome = capture([...prefix, path, ...args]);
  const totals = /(\d+) passed, (\d+) failed, (\d+) skipped/g;
  const last = [...outcome.stdout.matchAll(totals)].at(-1);
  if (last === undefined) return { passed: 0, failed: 1, skipped: 0 };
  const [passed, failed, skipped] = last.slice(1).map(Number);
  return { passed, failed: failed === 0 && outcome.status !== 0 ? 1 : failed, skipped };
}

const suites = {
  check: runChecks,
  unit: () => jest("unit", ["--testMatch=<rootDir>/src/**/*.test.ts"]),
  native: nativeTests,
  // One file at a time: they count the mounts and cgroups of the whole machine.
  conformance: () =>
    asRoot((prefix) => {
      getCriu(prefix);
      return jest(
        "conformance",
        ["--config=conformance-tests/jest.config.js", "--runInBand"],
        prefix,
      );
    }),
  "runtime-tools": () =>
    asRoot((prefix) => script("conformance-tests/runtime-tools.sh", ["dist/bin/tsoci"], prefix)),
  // Those that take a minute or two each; `make test-clients` runs all of them.
  clients: () =>
    asRoot((prefix) =>
      [
        ["containerd", "dist/bin/tsoci"],
        ["containerd", "dist/bin/containerd-shim-tsoci-v2"],
        ["cri", "dist/bin/containerd-shim-tsoci-v2"],
        ["conmon", "dist/bin/tsoci"],
      ]
        .filter(([, program]) => existsSync(join(root, program)))
        .map(([name, program]) => script(`conformance-tests/clients/${name}.sh`, [program], prefix))
        .reduce((sum, counts) => ({
          passed: sum.passed + counts.passed,
          failed: sum.failed + counts.failed,
          skipped: sum.skipped + counts.skipped,
        })),
    ),
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

  const total = { passed: 0, failed: 0, skipped: 0 };
  const lines = [];
  for (const name of names) {
    console.log(`\n== ${name}`);
    const counts = suites[name]();
    for (const key of Object.keys(total)) total[key] += counts[key];
    lines.push(`${name.padEnd(16)}${sentence(counts)}`);
  }
  console.log(`\n${lines.join("\n")}`);
  console.log(sentence(total));
  writeFileSync(join(resultDir, "summary.txt"), `${sentence(total)}\n`);
  process.exitCode = total.failed === 0 ? 0 : 1;
}

const sentence = ({ passed, failed, skipped }) =>
  `${passed} passed, ${failed} failed, ${skipped} skipped`;

main(process.argv.slice(2));
