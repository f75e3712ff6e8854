import { spawnSync } from "node:child_process";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { preloaded, repositoryDir } from "./builds.mjs";

const apart = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork"];
/** A sanitizer makes all of it slower, and the machine has others to serve. */
const patience = "5";

function run([command, ...args], env = {}) {
  const outcome = spawnSync(command, args, {
    cwd: repositoryDir,
    env: { ...process.env, ...env },
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
    timeout: 600_000,
    killSignal: "SIGKILL",
  });
  return { status: outcome.status, printed: `${outcome.stdout}${outcome.stderr}` };
}

const countOf = (pattern, text) => text.match(pattern)?.length ?? 0;

/** A program of ours that says `ok` before each test that passes. */
function runNative(command, env) {
  const { status, printed } = run(command, env);
  const failed = countOf(/^FAILED /gm, printed);
  return {
    printed,
    passed: countOf(/^ok {5}/gm, printed),
    failed: failed === 0 && status !== 0 ? 1 : failed,
    skipped: countOf(/^skip /gm, printed),
  };
}

function sum(outcomes) {
  return outcomes.reduce((total, each) => ({
    printed: total.printed + each.printed,
    passed: total.passed + each.passed,
    failed: total.failed + each.failed,
    skipped: total.skipped + each.skipped,
  }));
}

/** Each of these defects is committed, and must be reported, or the tool has no eyes. */
export function eyes(reports, commands) {
  const unseen = commands.filter(({ command, env }) => {
    reports.clear();
    const { printed } = run(command, env);
    return reports.found(printed).length === 0;
  });
  reports.clear();
  const printed = unseen.map(({ command }) => `nothing reported: ${command.join(" ")}\n`).join("");
  return { printed, passed: commands.length - unseen.length, failed: unseen.length, skipped: 0 };
}

/** Defects of a program that gives up what init gives up, in an empty root. */
export function confinedDefects(native, names) {
  const root = mkdtempSync(join(tmpdir(), "tsoci-defects-"));
  process.on("exit", () => rmdirSync(root));
  return names.map((name) => ({ command: [join(native, "tests/sanitizers/defects"), name, root] }));
}

export function plainDefects(native, names, before = []) {
  return names.map((name) => ({
    command: [...before, join(native, "tests/sanitizers/defects"), name],
  }));
}

/** Defects of an addon in Node. */
export function addonDefects(native, names, reports) {
  const file = join(native, "tests/sanitizers/defects.node");
  const program = `process.dlopen({ exports: {} }, ${JSON.stringify(file)})`;
  return names.map((name) => ({
    command: [process.execPath, "-e", program],
    env: { TSOCI_DEFECT: name, LD_PRELOAD: preloaded, ASAN_OPTIONS: reports.options },
  }));
}

/** Units, steps of init, and init itself. */
export function nativeTests(native) {
  const programs = [
    ["tests/fd_test"],
    ["tests/reader_test"],
    ["tests/sha256_test"],
    ["tests/shim_start_test"],
    ["tests/program-test", join(native, "tsoci-init")],
  ].map(([name, ...args]) => [join(native, name), ...args]);
  const env = { ASAN_OPTIONS: "detect_stack_use_after_return=1" };
  const steps = [...apart, join(native, "tests/steps-test")];
  return sum([...programs, steps].map((command) => runNative(command, env)));
}

/** The addon, called by threads that register, cancel, copy and end. */
export function hub(native, { rounds, seeds, before = [], env = {} }) {
  const program = join(native, "tests/engine/hub-test");
  const addon = join(native, "tsoci.node");
  return sum(
    seeds.map((seed) => {
      const command = [...before, program, addon, String(rounds), String(seed)];
      const outcome = runNative(command, env);
      return outcome.failed === 0
        ? outcome
        : { ...outcome, printed: `${outcome.printed}\nagain: ${command.join(" ")}\n` };
    }),
  );
}

/** The tests that load the addon into Node, with the one of this build. */
export function addonTests(dir, reports) {
  return jest(["conformance-tests/native", "conformance-tests/library"], {
    TSOCI_TEST_BUILD: dir,
    LD_PRELOAD: preloaded,
    ASAN_OPTIONS: reports.options,
  });
}

/** Whole containers, by Node with the addon, and init, of this build. */
export function containerTests(dir, patterns) {
  return jest(patterns, { TSOCI_TEST_RUNTIME: join(dir, "bin/tsoci") });
}

function jest(patterns, env) {
  const args = ["--config", "conformance-tests/jest.config.js", "--runInBand", ...patterns];
  const { status, printed } = run([process.execPath, "node_modules/jest/bin/jest.js", ...args], {
    TSOCI_TEST_PATIENCE: patience,
    ...env,
  });
  const counts = /^Tests: .*$/m.exec(printed)?.[0] ?? "";
  const count = (kind) => Number(new RegExp(`(\\d+) ${kind}`).exec(counts)?.[1] ?? 0);
  const failed = count("failed");
  return {
    printed,
    passed: count("passed"),
    failed: failed === 0 && status !== 0 ? 1 : failed,
    skipped: count("skipped"),
  };
}

const valgrind = ["valgrind", "--quiet", "--error-exitcode=99"];

/** Init and the addon as they are released. Nothing replaces malloc in a static program, and nobody needs it to. */
export function valgrindTests(native) {
  const traced = [...valgrind, "--trace-children=yes", "--trace-children-skip=/bin/true"];
  const init = [join(native, "tests/program-test"), join(native, "tsoci-init")];
  // Valgrind knows no seccomp(2).
  const leftOut = "the trace is sent before a filter could forbid it";
  return sum([
    runNative([...traced, ...init, leftOut]),
    hub(native, { rounds: 200, seeds: [1], before: [...valgrind, "--fair-sched=yes"] }),
  ]);
}

export const valgrindDefects = (native) => plainDefects(native, ["uninitialised"], valgrind);

/** What the launcher reads, of its own accord or as a shim, and how it must end: it becomes the driver, or says no. */
const launches = [
  { name: "tsoci", args: ["--version"], status: 0 },
  { name: "tsoci", args: ["--version"], env: { LONG: "x".repeat(100_000), "": "" }, status: 0 },
  { name: "tsoci", args: ["state", "nobody"], status: 1 },
  { name: "containerd-shim-tsoci-v2", args: ["-v"], status: 0 },
  { name: "containerd-shim-tsoci-v2", args: ["-namespace", "n", "-id", "x", "start"], status: 1 },
];

export function launcherTests() {
  const outcomes = launches.map(({ name, args, env, status }) => {
    const command = [...valgrind, join(repositoryDir, "dist/bin", name), ...args];
    const outcome = run(command, env);
    const isRight = outcome.status === status;
    const ended = `${command.join(" ")} ended with ${outcome.status}\n`;
    return {
      printed: isRight ? "" : `${outcome.printed}${ended}`,
      passed: isRight ? 1 : 0,
      failed: isRight ? 0 : 1,
      skipped: 0,
    };
  });
  return sum(outcomes);
}
