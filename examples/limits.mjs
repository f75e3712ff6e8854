#!/usr/bin/env node
// What limits of processor time and memory do: containers with limits, and what they get, measured.
//
//   examples/limits.mjs [RUNTIME] [--svg FILE]      as root; RUNTIME is dist/bin/tsoci unless given
//
// A busy loop runs for a second each with no limit, and with 75 %, 50 % and 25 % of a core; then a
// program takes more memory than it may. --svg draws what was asked for beside what was measured.
// Needs a static busybox, and cgroup v1 or v2. The cgroups of the containers are below
// $TSOCI_EXAMPLE_CGROUP, which is /tsoci-test unless given.
import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { missingDirs, readLimit, readProcessorTime } from "./cgroup-files.mjs";
import { describeLoop, renderChart, tableHead } from "./limits-chart.mjs";

const self = fileURLToPath(import.meta.url);
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { svg: { type: "string" }, help: { type: "boolean" } },
});
if (values.help) {
  const [, header] = /\n(.*?)\nimport/s.exec(fs.readFileSync(self, "utf8"));
  console.log(header.replace(/^\/\/ ?/gm, ""));
  process.exit();
}
const tsoci = resolve(positionals[0] ?? join(self, "../../dist/bin/tsoci"));

const periodUs = 100_000;
const windowMs = 1000;
const cgroupTop = process.env.TSOCI_EXAMPLE_CGROUP ?? "/tsoci-test";
const ownTops = missingDirs(cgroupTop);
const dir = fs.mkdtempSync(join(tmpdir(), "tsoci-limits."));
const stateRoot = join(dir, "state");
const ids = [];

/** Runs a command of the runtime. Its output goes to a file, because a container keeps what it gets. */
function call(...args) {
  const file = join(dir, "output");
  const fd = fs.openSync(file, "w");
  const stdio = ["ignore", fd, fd];
  const { status, error } = spawnSync(tsoci, ["--root", stateRoot, ...args], { stdio });
  fs.closeSync(fd);
  const output = fs.readFileSync(file, "utf8");
  if (status !== 0) throw new Error(`${args[0]}: ${error?.message ?? output.trim()}`);
  return output;
}

function makeRootfs() {
  for (const name of ["bin", "dev", "proc", "sys"]) {
    fs.mkdirSync(join(dir, "rootfs", name), { recursive: true });
  }
  const busybox = execFileSync("sh", ["-c", "command -v busybox"], { encoding: "utf8" }).trim();
  fs.copyFileSync(busybox, join(dir, "rootfs/bin/busybox"));
  for (const name of ["dd", "sh"]) fs.symlinkSync("busybox", join(dir, "rootfs/bin", name));
  call("spec", "--bundle", dir);
}

/** A container that is created and not started: its cgroup and its limits are there, its program waits. */
function create(name, args, resources) {
  const id = `limits-${process.pid}-${name}`;
  const cgroup = join(cgroupTop, id);
  const config = JSON.parse(fs.readFileSync(join(dir, "config.json"), "utf8"));
  Object.assign(config.process, { args, terminal: false });
  config.root.path = join(dir, "rootfs");
  config.linux.cgroupsPath = cgroup;
  Object.assign(config.linux.resources, resources);
  const bundle = join(dir, name);
  fs.mkdirSync(bundle);
  fs.writeFileSync(join(bundle, "config.json"), JSON.stringify(config));
  ids.push(id);
  call("create", "--bundle", bundle, id);
  return { id, cgroup };
}

/** What a busy loop gets that may have this share of a core. */
async function measureLoop(asked) {
  const cpu = asked === undefined ? {} : { quota: asked * periodUs, period: periodUs };
  const loop = ["/bin/sh", "-c", "while :; do :; done"];
  const { id, cgroup } = create(`cpu-${asked ?? "all"}`, loop, { cpu });
  const limit = readLimit(cgroup, "cpu");
  call("start", id);
  const [begin, beginMs] = [readProcessorTime(cgroup), performance.now()];
  await sleep(windowMs);
  const [end, endMs] = [readProcessorTime(cgroup), performance.now()];
  call("delete", "--force", id);
  const measured = (end.usedMs - begin.usedMs) / (endMs - beginMs);
  const heldMs = end.heldMs - begin.heldMs;
  return { asked, limit, measured, heldMs, throttled: end.throttled - begin.throttled };
}

/** How a program ends that takes more memory than its limit. */
async function overeat(limitBytes, wantedBytes) {
  const hog = ["/bin/dd", "if=/dev/zero", "of=/dev/null", `bs=${wantedBytes}`, "count=1"];
  const memory = { limit: limitBytes, swap: limitBytes };
  const { id, cgroup } = create("hog", hog, { memory });
  const limit = readLimit(cgroup, "memory");
  call("start", id);
  const deadline = performance.now() + 10_000;
  for (;;) {
    const state = JSON.parse(call("state", id));
    if (state.status === "stopped") return { limit, state };
    if (performance.now() > deadline) throw new Error("the program goes on for ten seconds");
    await sleep(20);
  }
}

function cleanUp() {
  for (const id of ids) {
    spawnSync(tsoci, ["--root", stateRoot, "delete", "--force", id], { stdio: "ignore" });
  }
  // The runtime removes the cgroups of the containers, and not the one above them, which it made too.
  for (const path of ownTops) spawnSync("rmdir", [path], { stdio: "ignore" });
  fs.rmSync(dir, { recursive: true, force: true });
}

async function main() {
  makeRootfs();
  console.log("== 1. linux.resources.cpu: of each period of 100 ms the loop may run for a quota");
  console.log(tableHead);
  const loops = [];
  for (const asked of [undefined, 0.75, 0.5, 0.25]) {
    const loop = await measureLoop(asked);
    console.log(describeLoop(loop));
    loops.push(loop);
  }
  console.log("Without a limit it gets what other programs leave, which may be less than a core.");
  console.log('"Throttled", nr_throttled of cpu.stat, counts periods with the quota used up.');

  console.log("== 2. linux.resources.memory: a limit of 16 MiB, and a program that wants 64 MiB");
  const { limit, state } = await overeat(16 << 20, 64 << 20);
  console.log(`   the kernel's file has   ${limit}`);
  console.log(`   tsoci state says        status ${state.status}, oomKilled ${state.oomKilled}`);
  console.log("The kernel kills a program that takes more; state tells that from other ends.");
  if (values.svg === undefined) return;
  fs.writeFileSync(values.svg, renderChart(loops));
  console.log(`== 3. The chart is in ${values.svg}`);
}

for (const [signal, number] of Object.entries({ SIGHUP: 1, SIGINT: 2, SIGTERM: 15 })) {
  process.once(signal, () => process.exit(128 + number));
}
process.once("exit", cleanUp);
await main().catch(({ message }) => {
  console.error(message);
  process.exitCode = 1;
});
