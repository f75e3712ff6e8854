#!/usr/bin/env node
// Many containers and processes through a shim, 20 at a time, and kill -9 of the shim in the middle of it. Ends
// with `N passed, N failed, N skipped`.
//
//   stress.mjs [--quick] [--seed N] [--runtime PATH] SHIM [CASE]...
//
// --runtime is what the shim is told to call: shims that call one need it to be crun. --quick is for continuous
// integration: 40 containers in place of 200, and 200 processes in place of 2,000. CASE is a part of a case's name.
// Needs root. TSOCI_TEST_PATIENCE multiplies every deadline.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { removeCgroups } from "./leftovers.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const unifiedDir = "/sys/fs/cgroup/unified";
const most = { containers: 200, execs: 2000 };
const few = { containers: 40, execs: 200 };

function parseCommandLine() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: "boolean", default: false },
      seed: { type: "string", default: String(Date.now() % 1_000_000) },
      runtime: { type: "string" },
    },
  });
  const [shim, ...cases] = positionals;
  if (shim === undefined || Number.isNaN(Number(values.seed))) {
    console.error("usage: stress.mjs [--quick] [--seed N] [--runtime PATH] SHIM [CASE]...");
    process.exit(2);
  }
  return { ...values, shim: resolve(shim), cases };
}

/** crun refuses cgroup v1 beside a cgroup v2 that has controllers. */
function hidden(runtime) {
  const controllers = `${unifiedDir}/cgroup.controllers`;
  if (runtime === undefined || basename(runtime) !== "crun" || !existsSync(controllers)) return [];
  return readFileSync(controllers, "utf8").trim() === "" ? [] : ["--hide", unifiedDir];
}

async function main() {
  const { quick, seed, runtime, shim, cases } = parseCommandLine();
  if (!existsSync(shim)) {
    console.log(`ok stress # SKIP there is no shim "${shim}"\n0 passed, 0 failed, 1 skipped`);
    return;
  }
  if (process.getuid() !== 0) throw new Error("containers need root");
  const busybox = spawnSync("sh", ["-c", "command -v busybox"], { encoding: "utf8" });
  const cgroupParent = `/tsoci-test/shim-stress-${process.pid}`;
  const task = {
    ...(quick ? few : most),
    seed: Number(seed),
    runtime,
    shim,
    cases,
    cgroupParent,
    busybox: busybox.stdout.trim(),
  };
  const program = [process.execPath, `${here}stress-inside.mjs`, JSON.stringify(task)];
  const child = spawn(`${here}apart.sh`, [...hidden(runtime), ...program], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  // With it goes process 1 of its namespace, and all others there.
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill("SIGKILL"));
  process.exitCode = await new Promise((done) => child.on("close", (status) => done(status ?? 1)));
  removeCgroups(cgroupParent);
}

await main();
