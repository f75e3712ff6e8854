// Runs the tests that are asked, each run where nothing that it starts can outlive it.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

/** For one run of tests. A test of containers that hangs has deadlines of its own, which are shorter by far. */
const deadlineMs = 120_000;
/** For all that is asked at once. */
const wideDeadlineMs = 900_000;
const apart = "conformance-tests/shim/apart.sh";
const jest = [process.execPath, "node_modules/jest/bin/jest.js", "--watchman=false"];
const config = {
  unit: ["--config=jest.config.js"],
  containers: ["--config=conformance-tests/jest.config.js", "--runInBand"],
};

const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** What tests said: names of those that passed, were skipped and failed; and what kept a run from its end. */
const silence = { passed: [], skipped: [], failed: [], trouble: undefined };

export class Tests {
  #root;
  #report;
  #env;

  /** `temporaryDir` is there, and is what tests make their files in. */
  constructor(root, temporaryDir) {
    this.#root = root;
    this.#report = join(temporaryDir, "report.json");
    this.#env = { ...process.env, TMPDIR: temporaryDir };
  }

  /** Asks jest's tests of one kind: those in `files`, and of these those with one of the sentences, if any. */
  jest(kind, files, sentences = [], timeoutMs = wideDeadlineMs) {
    rmSync(this.#report, { force: true });
    const names = sentences.length === 0 ? [] : ["-t", sentences.map(escaped).join("|")];
    const paths = ["--runTestsByPath", ...files];
    const report = ["--json", `--outputFile=${this.#report}`];
    const command = [...jest, ...config[kind], ...report, ...names, ...paths];
    const outcome = this.#run(command, timeoutMs);
    if (outcome.signal !== null) return { ...silence, trouble: "it did not come to an end" };
    if (existsSync(this.#report)) return this.#read(outcome);
    // The last look, after all tests: when it finds something there is no report, but what was printed.
    if (!outcome.stderr.includes("the tests left this behind:")) {
      return { ...silence, trouble: outcome.stderr };
    }
    const [, name] = /\u2715 (.*?)(?: \(\d+ ms\))?$/m.exec(outcome.stderr) ?? [];
    return { ...silence, failed: [{ file: files[0], name: name ?? "nothing is left behind" }] };
  }

  #read({ status, stderr }) {
    const said = { passed: [], skipped: [], failed: [], trouble: undefined };
    for (const { name, assertionResults, message } of JSON.parse(readFileSync(this.#report, "utf8"))
      .testResults) {
      const file = name.slice(this.#root.length + 1);
      for (const { fullName, status: outcome } of assertionResults) {
        if (outcome === "passed") said.passed.push({ file, name: fullName });
        else if (outcome === "failed") said.failed.push({ file, name: fullName });
        else said.skipped.push({ file, name: fullName });
      }
      // A file that could not even be loaded has no tests.
      if (assertionResults.length === 0) said.failed.push({ file, name: message.split("\n")[0] });
    }
    if (status !== 0 && said.failed.length === 0) said.trouble = stderr;
    return said;
  }

  /** Asks the tests of a program of `native/tests`. */
  native(program, name) {
    const path = `build/native/tests/${program}`;
    const args = program === "program-test" ? ["build/native/tsoci-init"] : [name].filter(Boolean);
    const outcome = this.#run([path, ...args], deadlineMs);
    if (outcome.signal !== null) return { ...silence, trouble: "it did not come to an end" };
    const lines = (word) =>
      [...outcome.stdout.matchAll(new RegExp(`^${word}\\s+(.*)`, "gm"))].map(([, text]) => ({
        file: program,
        name: text,
      }));
    const failed = lines("FAILED");
    // Some say what failed on standard error, and one that a sanitizer or a signal has ended says no more.
    if (outcome.status !== 0 && failed.length === 0) {
      const [name] = outcome.stderr.trim().split("\n");
      failed.push({ file: program, name: name || `exit status ${outcome.status}` });
    }
    return { ...silence, passed: lines("ok"), skipped: lines("skip"), failed };
  }

  #run(command, timeout) {
    return spawnSync(apart, command, {
      cwd: this.#root,
      env: this.#env,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
      maxBuffer: 64 * 1024 * 1024,
      timeout,
      killSignal: "SIGKILL",
    });
  }

  one({ kind, file, sentence, program, name }) {
    if (kind === "native") return this.native(program, name);
    return this.jest(kind, [file], sentence === undefined ? [] : [sentence], deadlineMs);
  }

  /** All that a list of mutants asks, at once; by the asked, what its tests said. */
  baseline(asked) {
    const said = new Map();
    for (const kind of ["unit", "containers"]) {
      const ofKind = asked.filter((one) => one.kind === kind);
      if (ofKind.length === 0) continue;
      const files = [...new Set(ofKind.map(({ file }) => file))];
      const sentences = ofKind.flatMap(({ sentence }) => sentence ?? []);
      const all = this.jest(kind, files, sentences);
      if (all.trouble !== undefined) throw new Error(all.trouble);
      for (const one of ofKind) said.set(one, onlyOf(all, one));
    }
    for (const one of asked.filter(({ kind }) => kind === "native")) said.set(one, this.one(one));
    return said;
  }
}

function onlyOf(all, { file, sentence = "" }) {
  const isMeant = (test) => test.file === file && test.name.includes(sentence);
  const [passed, skipped, failed] = [all.passed, all.skipped, all.failed].map((tests) =>
    tests.filter(isMeant),
  );
  return { passed, skipped, failed, trouble: undefined };
}
