// How a suite of tests is run, whatever it is written in, and what is counted of it:
// { passed, failed, skipped }. Containers need root; sudo is used when we are not root.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));
export const resultDir = join(root, "build/test-results");
const inCi = process.env.CI === "true";

export const sentence = ({ passed, failed, skipped }) =>
  `${passed} passed, ${failed} failed, ${skipped} skipped`;

export function sum(counts) {
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const each of counts) for (const key of Object.keys(total)) total[key] += each[key];
  return total;
}

export function run([command, ...args]) {
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
  // What tells a suite how to run is named TSOCI_SOMETHING.
  const names = Object.keys(process.env).filter((name) => name.startsWith("TSOCI_"));
  return ask.status === 0
    ? ["sudo", `--preserve-env=${["PATH", "CI", ...names].join(",")}`]
    : undefined;
}

export function asRoot(suite) {
  const prefix = rootPrefix();
  if (prefix !== undefined) return suite(prefix);
  console.log("needs root, and sudo does not give it");
  return { passed: 0, failed: inCi ? 1 : 0, skipped: inCi ? 0 : 1 };
}

/** The report that jest writes is left in `reportOf(name)`. */
export function jest(name, args, prefix = []) {
  const report = reportOf(name);
  rmSync(report, { force: true });
  const outcome = run([
    ...[...prefix, process.execPath, "node_modules/jest/bin/jest.js", ...args],
    ...["--json", `--outputFile=${report}`],
  ]);
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

export const reportOf = (name) => join(resultDir, `${name}.json`);

/** Each test of a program says how it went on a line; ctest puts the number of the program in front. */
export function nativeTests() {
  const built = run(["cmake", "--build", "build/native", "--target", "native-tests"]);
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

/** A suite that is a script: its last line says `N passed, N failed, N skipped`. */
export function script(path, args = [], prefix = []) {
  const outcome = capture([...prefix, path, ...args]);
  const totals = /(\d+) passed, (\d+) failed, (\d+) skipped/g;
  const last = [...outcome.stdout.matchAll(totals)].at(-1);
  if (last === undefined) return { passed: 0, failed: 1, skipped: 0 };
  const [passed, failed, skipped] = last.slice(1).map(Number);
  return { passed, failed: failed === 0 && outcome.status !== 0 ? 1 : failed, skipped };
}
