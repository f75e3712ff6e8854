// What is measured: one runtime at a time, each operation a process of its own, as callers do it.
import { execFileSync, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { engineProfile } from "./profile.mjs";

const benchDir = fileURLToPath(new URL(".", import.meta.url));
const endOfProgramMs = 10_000;

const namespaces = ["pid", "network", "ipc", "uts", "mount", "cgroup"];

/** Our programs and one bundle, the same for every runtime, below `dir`. */
export function prepare(dir, specRuntime) {
  const measure = join(dir, "measure");
  compile("measure.c", measure);
  const bundle = join(dir, "bundle");
  for (const name of ["proc", "dev", "sys", "etc"]) {
    mkdirSync(join(bundle, "rootfs", name), { recursive: true });
  }
  compile("true.c", join(bundle, "rootfs/true"));
  compile("wait.c", join(bundle, "rootfs/wait"));

  // Absolute, so that no runtime puts the container below the cgroup of whoever runs the benchmark.
  const cgroupsPath = `/tsoci-test/bench-${process.pid}`;
  execFileSync(specRuntime.path, ["spec"], { cwd: bundle });
  const configPath = join(bundle, "config.json");
  const config = JSON.parse(readFileSync(configPath, "utf8"));
  // Debian's crun knows no later one; nothing in the config is newer.
  config.ociVersion = "1.0.2";
  config.process.args = ["/true"];
  config.process.terminal = false;
  config.root.path = "rootfs";
  config.linux.cgroupsPath = cgroupsPath;
  config.linux.namespaces = namespaces.map((type) => ({ type }));
  writeFileSync(configPath, JSON.stringify(config, null, 2));
  config.root.path = join(bundle, "rootfs");
  const bundleWith = (name, change) => {
    const changed = structuredClone(config);
    change(changed);
    mkdirSync(join(dir, name));
    writeFileSync(join(dir, name, "config.json"), JSON.stringify(changed, null, 2));
    return join(dir, name);
  };
  const filteredBundle = bundleWith("filtered", ({ linux }) => {
    linux.seccomp = engineProfile();
  });
  const limitedBundle = bundleWith("limited", ({ linux }) => {
    linux.resources = everyLimit();
  });
  const bundles = { bundle, filteredBundle, limitedBundle };
  return { dir, measure, ...bundles, bundleWith, cgroupsPath, stderrFile: join(dir, "stderr") };
}

/** One of each kind that every runtime knows, on cgroup v1 and v2. */
function everyLimit() {
  const mebibyte = 1 << 20;
  const [disk] = readdirSync("/sys/block");
  const [major, minor] = readFileSync(`/sys/block/${disk}/dev`, "utf8")
    .trim()
    .split(":")
    .map(Number);
  return {
    memory: { limit: 256 * mebibyte, swap: 512 * mebibyte, reservation: 128 * mebibyte },
    cpu: { shares: 512, quota: 50_000, period: 100_000, cpus: "0", mems: "0" },
    pids: { limit: 100 },
    blockIO: { throttleReadBpsDevice: [{ major, minor, rate: 1024 * mebibyte }] },
    devices: [
      { allow: false, access: "rwm" },
      { allow: true, type: "c", major: 10, minor: 229, access: "rwm" },
    ],
  };
}

export function compile(source, program) {
  execFileSync("cc", ["-O2", "-static", "-s", "-o", program, join(benchDir, source)]);
}

const unifiedDir = "/sys/fs/cgroup/unified";

/**
 * crun refuses a hybrid machine whose cgroup v2 hierarchy has controllers, so it gets to see cgroup v1
 * alone. That is one hierarchy less to work in than the others have.
 */
export function hiddenFrom(runtime) {
  const controllers = join(unifiedDir, "cgroup.controllers");
  if (runtime.name !== "crun" || !existsSync(controllers)) return undefined;
  return readFileSync(controllers, "utf8").trim() === "" ? undefined : unifiedDir;
}

/** Runs a command of the runtime; throws when it fails. Times in ms, memory in bytes. */
export function timed(bench, runtime, args, procsFile = "-") {
  return timedCommand(bench, runtime, commandOf(bench, runtime, args), procsFile);
}

export const commandOf = (bench, runtime, args) => [
  runtime.path,
  "--root",
  stateRoot(bench, runtime),
  ...args,
];

/** The same for any command, seen as the runtime sees the machine. */
export function timedCommand(bench, runtime, command, procsFile = "-") {
  const around = ["run", bench.stderrFile, procsFile, hiddenFrom(runtime) ?? "-"];
  const outcome = spawnSync(bench.measure, [...around, ...command], {
    cwd: bench.bundle,
    encoding: "utf8",
  });
  const [ns, maxRssKib, status] = outcome.stdout.trim().split(" ").map(Number);
  if (outcome.status !== 0 || status !== 0) {
    const said = existsSync(bench.stderrFile) ? readFileSync(bench.stderrFile, "utf8").trim() : "";
    throw new Error(`${command.join(" ")}: status ${status}: ${outcome.stderr.trim()} ${said}`);
  }
  return { ms: ns / 1e6, maxRss: maxRssKib * 1024 };
}

const stateRoot = (bench, runtime) => join(bench.dir, `state-${runtime.name}`);

let created = 0;
const newId = (runtime) => `bench-${runtime.name}-${process.pid}-${created++}`;

/** Deletes the container by force when `use` throws, so that a failed run leaves nothing. */
export function withContainer(bench, runtime, use) {
  const id = newId(runtime);
  try {
    return use(id);
  } catch (cause) {
    const args = ["--root", stateRoot(bench, runtime), "delete", "--force", id];
    spawnSync(runtime.path, args, { stdio: "ignore" });
    throw cause;
  }
}

export const versionOf = (runtime) =>
  execFileSync(runtime.path, ["--version"], { encoding: "utf8" }).trim().split("\n")[0];

/** One round: every measure of time, in ms. */
export function timeOnce(bench, runtime) {
  const version = timed(bench, runtime, ["--version"]).ms;
  const run = withContainer(bench, runtime, (id) => timed(bench, runtime, ["run", id]).ms);
  const lifecycle = withContainer(bench, runtime, (id) => {
    const pidFile = join(bench.dir, "pid");
    const create = timed(bench, runtime, ["create", "--pid-file", pidFile, id]).ms;
    const pid = readFileSync(pidFile, "utf8").trim();
    const start = timed(bench, runtime, ["start", id]).ms;
    // Not counted: how long the program takes is not the runtime's doing.
    execFileSync(bench.measure, ["wait", pid, String(endOfProgramMs)]);
    const state = timed(bench, runtime, ["state", id]).ms;
    const remove = timed(bench, runtime, ["delete", id]).ms;
    return { create, start, state, delete: remove };
  });
  const createFiltered = withContainer(bench, runtime, (id) => {
    const { ms } = timed(bench, runtime, ["create", "--bundle", bench.filteredBundle, id]);
    timed(bench, runtime, ["delete", "--force", id]);
    return ms;
  });
  const runLimited = withContainer(
    bench,
    runtime,
    (id) => timed(bench, runtime, ["run", "--bundle", bench.limitedBundle, id]).ms,
  );
  const sum = Object.values(lifecycle).reduce((total, ms) => total + ms, 0);
  return {
    version,
    run,
    runLimited,
    ...lifecycle,
    lifecycle: sum,
    createFiltered,
  };
}

/** One round: every measure of memory, in bytes. */
export function weighOnce(bench, runtime) {
  const charged = withMemoryCgroup(bench, (procs) =>
    withContainer(bench, runtime, (id) => timed(bench, runtime, ["run", id], procs)),
  );
  const peak = withContainer(bench, runtime, (id) => timed(bench, runtime, ["run", id]).maxRss);
  const waiting = withContainer(bench, runtime, (id) => {
    const pidFile = join(bench.dir, "pid");
    timed(bench, runtime, ["create", "--pid-file", pidFile, id]);
    const held = readRollup(readFileSync(pidFile, "utf8").trim());
    timed(bench, runtime, ["delete", "--force", id]);
    return held;
  });
  return { peak, ...(charged === undefined ? {} : { charged }), ...waiting };
}

function readRollup(pid) {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const bytes = (field) => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(text)[1]) * 1024;
  return {
    waitingPrivate: bytes("Private_Clean") + bytes("Private_Dirty"),
    waitingAnonymous: bytes("Pss_Anon"),
  };
}

const memoryHomes = [
  { dir: "/sys/fs/cgroup/memory", peak: "memory.max_usage_in_bytes" },
  { dir: "/sys/fs/cgroup", peak: "memory.peak" },
];

/** The most memory that was charged at once to all processes of the runtime; undefined without a memory cgroup. */
function withMemoryCgroup(bench, use) {
  const home = memoryHomes.find(({ dir }) => existsSync(join(dir, "cgroup.procs")));
  if (home === undefined) return undefined;
  const cgroup = join(home.dir, `${bench.cgroupsPath}-caller`);
  mkdirSync(cgroup, { recursive: true });
  try {
    if (!existsSync(join(cgroup, home.peak))) return undefined;
    use(join(cgroup, "cgroup.procs"));
    return Number(readFileSync(join(cgroup, home.peak), "utf8"));
  } finally {
    rmdirSync(cgroup);
  }
}

/** Takes away the bundle and every cgroup directory that a runtime may have left. */
export function cleanUp(bench) {
  const name = bench.cgroupsPath.split("/").at(-1);
  const test = "find /sys/fs/cgroup -depth -type d -path";
  spawnSync("sh", ["-c", `${test} "*/tsoci-test/${name}*" -exec rmdir {} +`], { stdio: "ignore" });
  // Only when nobody else has something in it.
  spawnSync("sh", ["-c", `${test} "*/tsoci-test" -empty -exec rmdir {} +`], { stdio: "ignore" });
  rmSync(bench.dir, { recursive: true, force: true });
}
