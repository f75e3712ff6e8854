// The part of stress.mjs that runs apart: the cases, one after the other, and what must hold after each.
import { copyFileSync, mkdirSync, rmSync } from "node:fs";
import { FakeContainerd } from "./containerd.mjs";
import { untilEmpty } from "./deadline.mjs";
import { faultsOf } from "./event-order.mjs";
import { Place } from "./leftovers.mjs";
import { ShimProgram } from "./shim.mjs";
import { cases } from "./stress-cases.mjs";

const task = JSON.parse(process.argv[2]);
const dir = "/run/shim-stress";
const stateRoot = `${dir}/state`;
const settleMs = 15_000;
const mostShown = 8;
const counts = { passed: 0, failed: 0, skipped: 0 };

async function report(title, check) {
  try {
    await check();
    counts.passed += 1;
    console.log(`ok ${title}`);
  } catch (error) {
    counts.failed += 1;
    console.log(`not ok ${title}`);
    for (let cause = error; cause !== undefined; cause = cause.cause) {
      console.log(`  # ${cause.message.replaceAll("\n", "\n  # ")}`);
    }
  }
}

/** Fails with the first of them. */
function assertNone(list, what) {
  if (list.length === 0) return;
  const rest = list.length > mostShown ? [`and ${list.length - mostShown} more`] : [];
  throw new Error([`${list.length} ${what}:`, ...list.slice(0, mostShown), ...rest].join("\n"));
}

function prepare() {
  mkdirSync(`${dir}/lower/bin`, { recursive: true });
  for (const name of ["proc", "dev"]) mkdirSync(`${dir}/lower/${name}`);
  copyFileSync(task.busybox, `${dir}/lower/bin/busybox`);
}

/** A case gets a containerd of its own, and says what it was told of each container. */
async function runCase(name, run, place) {
  mkdirSync(`${dir}/case`);
  const containerd = await FakeContainerd.listen(dir);
  const program = new ShimProgram({
    path: task.shim,
    runtime: task.runtime,
    namespace: "stress",
    containerd,
    root: stateRoot,
  });
  const seen = new Map();
  await report(name, () => run({ ...task, dir, program, containerd, seen }));
  await report(`${name}: nothing is left behind`, async () => {
    assertNone(await untilEmpty(() => place.leftovers(), settleMs), "left behind");
  });
  await report(`${name}: events come in their order`, async () => {
    const faults = () =>
      [...seen].flatMap(([id, told]) => faultsOf(id, containerd.eventsOf(id), told));
    // The last ones may still be on their way when the container is already gone.
    assertNone(await untilEmpty(faults, settleMs), "faults in events");
  });
  await place.sweep(settleMs);
  await containerd.close();
  rmSync(`${dir}/case`, { recursive: true });
}

async function main() {
  // Whatever becomes of who started us, nothing of ours outlives it.
  process.on("disconnect", () => process.exit(1));
  prepare();
  const place = new Place({ cgroupParent: task.cgroupParent, stateRoot });
  console.log(`# ${task.shim}, ${task.runtime ?? "its own runtime"}, seed ${task.seed}`);
  const wanted = task.cases.length === 0 ? [""] : task.cases;
  for (const [name, run] of Object.entries(cases)) {
    if (wanted.some((part) => name.includes(part))) await runCase(name, run, place);
  }
  console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  process.exit(counts.failed === 0 ? 0 : 1);
}

await main();
