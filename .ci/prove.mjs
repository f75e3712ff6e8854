// `make prove`: the long form of the suites that try to break what is built, one after the other. What they
// find is kept in conformance-tests/reliability.json, and docs/reliability.md is made of all of it.
//
//   prove.mjs [SUITE]...        the named suites only; what the page says of the others stays
//   prove.mjs --page            no suite: only the page, again
//   prove.mjs --own [SUITE]...  with tsoci alone; what the page says of others stays
//
// A suite that can take another runtime runs with Debian's runc as well, which tests the tests.
// Ends with the sum over all runs: `N passed, N failed, N skipped`.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, release, tmpdir, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { proofs } from "./proofs.mjs";
import { renderPage } from "./reliability-page.mjs";
import { asRoot, jest, reportOf, resultDir, root, script, sentence, sum } from "./run-suite.mjs";

const resultsFile = join(root, "conformance-tests/reliability.json");
const pageFile = join(root, "docs/reliability.md");
const bugsFile = join(root, "conformance-tests/bugs-found.json");
/** Not below `root`: the mutants run where a copy of the tree lies over it. */
const figuresFile = join(mkdtempSync(join(tmpdir(), "tsoci-prove-")), "figures.jsonl");
process.on("exit", () => rmSync(dirname(figuresFile), { recursive: true }));
const peers = { runc: "/usr/sbin/runc" };

const readJson = (file, without) =>
  existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : without;

function firstLine(command, args) {
  return spawnSync(command, args, { cwd: root, encoding: "utf8" }).stdout.split("\n")[0];
}

/** Tests of a report that are known to fail with a peer, and did: by reason. */
function differences(report) {
  const found = {};
  for (const { assertionResults } of readJson(report, { testResults: [] }).testResults) {
    for (const { title, status } of assertionResults) {
      const [, reason] = /\(runc: (.*)\)$/.exec(title) ?? [];
      if (reason !== undefined && status === "passed") found[reason] = (found[reason] ?? 0) + 1;
    }
  }
  return found;
}

/** One suite with one runtime: its counts, figures, and how long it took. */
function runOnce(key, proof, runtime) {
  const name = runtime === "tsoci" ? key : `${key}-${runtime}`;
  console.log(`\n== ${name}`);
  rmSync(figuresFile, { force: true });
  process.env.TSOCI_FIGURES = figuresFile;
  process.env.TSOCI_PROVE = "1";
  if (peers[runtime] === undefined) delete process.env.TSOCI_TEST_RUNTIME;
  else process.env.TSOCI_TEST_RUNTIME = peers[runtime];
  // A peer may leave what a test waits for: a failed test is told, and must not keep the run from its end.
  const peerOptions = peers[runtime] === undefined ? [] : ["--forceExit"];
  const begun = Date.now();
  const counts = asRoot((prefix) =>
    proof.jest === undefined
      ? script(proof.script, [], prefix)
      : jest(
          name,
          [
            "--config=conformance-tests/jest.config.js",
            "--runInBand",
            ...peerOptions,
            ...proof.jest,
          ],
          prefix,
        ),
  );
  const seconds = Math.round((Date.now() - begun) / 1000);
  const lines = existsSync(figuresFile) ? readFileSync(figuresFile, "utf8").split("\n") : [];
  const figures = addUp(lines.filter((line) => line !== "").map((line) => JSON.parse(line)));
  const known = proof.jest === undefined ? {} : differences(reportOf(name));
  return { counts, seconds, figures, differences: known };
}

/** Test files that run apart tell the same figure each for its own part. */
function addUp(told) {
  const figures = {};
  for (const { name, value } of told) {
    figures[name] = typeof value === "number" ? (figures[name] ?? 0) + value : value;
  }
  return figures;
}

function machine() {
  return {
    processor: `${cpus()[0].model}, ${cpus().length} of them`,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    cgroups: existsSync("/sys/fs/cgroup/cgroup.controllers") ? "v2" : "v1",
    runc: firstLine("runc", ["--version"]),
  };
}

/** A bug that is listed has a test that is there, by the file that it names. */
function checkBugs(bugs) {
  return bugs
    .filter(({ test, file }) => !readFileSync(join(root, file), "utf8").includes(test))
    .map(({ test, file }) => `bugs-found.json: "${test}" is not in ${file}`);
}

function writePage(results) {
  const bugs = readJson(bugsFile, []);
  const mistakes = checkBugs(bugs);
  for (const mistake of mistakes) console.log(`FAILED ${mistake}`);
  writeFileSync(resultsFile, `${JSON.stringify(results, null, 2)}\n`);
  writeFileSync(pageFile, renderPage(results, bugs));
  return mistakes.length;
}

function main(args) {
  const results = readJson(resultsFile, { suites: {} });
  const options = ["--page", "--own"];
  const isOwn = args.includes("--own");
  const named = args.filter((name) => !options.includes(name));
  const names = named.length > 0 || args.includes("--page") ? named : Object.keys(proofs);
  const unknown = names.filter((name) => proofs[name] === undefined);
  if (unknown.length > 0) {
    console.error(
      `usage: prove.mjs [--page] [--own] [SUITE]...; suites are ${Object.keys(proofs).join(", ")}`,
    );
    process.exit(2);
  }
  mkdirSync(resultDir, { recursive: true });
  const all = [];
  for (const key of names) {
    const runtimes = ["tsoci", ...(isOwn ? [] : (proofs[key].peers ?? []))];
    const runs = isOwn ? (results.suites[key]?.runs ?? {}) : {};
    for (const runtime of runtimes) {
      runs[runtime] = runOnce(key, proofs[key], runtime);
      all.push(runs[runtime].counts);
    }
    results.suites[key] = {
      date: new Date().toISOString().slice(0, 10),
      commit: firstLine("git", ["rev-parse", "--short=12", "HEAD"]),
      machine: machine(),
      runs,
    };
    writePage(results);
  }
  const mistakes = writePage(results);
  const total = sum([...all, { passed: 0, failed: mistakes, skipped: 0 }]);
  console.log(sentence(total));
  process.exitCode = total.failed === 0 ? 0 : 1;
}

main(process.argv.slice(2));
