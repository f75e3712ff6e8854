// A program of its own, as a caller of the library is one: has calls of its operations fail, and looks
// after each at what it still holds. Prints a line of JSON for whatever is not as it should be.
import { readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Runtime as RuntimeClass } from "../../src/index";
import { FaultControl, type Point, type Role, roles } from "./control";

interface Task {
  readonly entry: string;
  readonly root: string;
  readonly bundle: string;
  readonly id: string;
  readonly control: string;
  readonly stride: number;
  readonly seed: number;
}

const task = JSON.parse(process.argv[2] ?? "") as Task;
const { id, bundle } = task;
const { Runtime, RuntimeError } = require(task.entry) as typeof import("../../src/index");
const runtime: RuntimeClass = new Runtime({ root: task.root, warn: () => {} });
const control = new FaultControl(task.control);

/** Descriptors, locks, children, and memory that is shared with a child: what a process can hold on to. */
function holdings(): string[] {
  const fds = readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return [`descriptor ${readlinkSync(`/proc/self/fd/${fd}`).replace(/\d+/g, "N")}`];
    } catch {
      return []; // The directory that is being read.
    }
  });
  const lines = (file: string) => readFileSync(file, "utf8").split("\n");
  const locks = lines("/proc/locks").filter((line) => line.split(/\s+/)[4] === `${process.pid}`);
  const shared = lines("/proc/self/maps").filter((line) => /\/dev\/zero|memfd:/.test(line));
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, "utf8").trim();
  return [
    ...fds.sort(),
    ...locks.map(() => "lock"),
    ...shared.map(() => "shared memory"),
    ...children
      .split(" ")
      .filter(Boolean)
      .map(() => "child"),
  ];
}

/** What is in `now` and was not there before, each as often as it is too often. */
function surplus(before: readonly string[], now: readonly string[]): string[] {
  const left = [...before];
  return now.filter((holding) => {
    const at = left.indexOf(holding);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

const isChild = (holding: string) => holding === "child";

interface Operation {
  readonly prepare: () => void;
  readonly run: () => unknown;
}

/** A caller whose wait fails waits again: its child, as long as nobody has asked for its end, keeps the container. */
async function execAndWait(): Promise<void> {
  const started = runtime.exec(id, { args: ["/probe", "--quiet"] });
  try {
    await started.wait();
  } catch (error) {
    rememberHit();
    await started.wait();
    throw error;
  }
}

const running = () => runtime.run({ id, bundle });
const operations: Record<string, Operation> = {
  create: { prepare: () => {}, run: () => runtime.create({ id, bundle }) },
  start: { prepare: () => runtime.create({ id, bundle }), run: () => runtime.start(id) },
  exec: {
    prepare: running,
    run: () => execAndWait(),
  },
  kill: { prepare: running, run: () => runtime.kill(id, "WINCH") },
  update: { prepare: running, run: () => runtime.update(id, { pids: { limit: 30 } }) },
  delete: { prepare: running, run: () => runtime.delete(id, { force: true }) },
};

const say = (finding: object) => console.log(JSON.stringify(finding));

/** The number of calls of an operation that nothing keeps from its end. */
async function countCalls({ prepare, run }: Operation): Promise<Point[]> {
  control.rest();
  prepare();
  control.writeDown();
  await run();
  const points = control.points();
  control.rest();
  runtime.delete(id, { force: true });
  return points;
}

/** Answers false when the operation did not come to that call. */
async function strike(name: string, operation: Operation, role: Role, target: number) {
  rmSync(join(task.root, "@seccomp"), { recursive: true, force: true });
  control.rest();
  operation.prepare();
  const before = holdings();
  hit = undefined;
  control.aim({ role, target, action: "fail" });
  let thrown: unknown;
  try {
    await operation.run();
  } catch (error) {
    thrown = error;
  }
  rememberHit();
  const wrong: string[] = [];
  if (thrown !== undefined && !(thrown instanceof RuntimeError)) wrong.push(`threw ${thrown}`);
  // A container that was made is a child of ours, as it should be.
  if (name !== "create" || thrown !== undefined)
    wrong.push(
      ...surplus(before, holdings())
        .filter((what) => !isWaitRefused() || !isChild(what))
        .map((what) => `kept: ${what}`),
    );
  try {
    runtime.delete(id, { force: true });
  } catch (error) {
    wrong.push(`delete: ${error}`);
  }
  if (isWaitRefused()) idle.push(...surplus(idle, holdings()).filter(isChild));
  wrong.push(...surplus(idle, holdings()).map((what) => `kept after delete: ${what}`));
  if (wrong.length > 0) say({ name, role, target, hit, thrown: `${thrown}`, wrong });
  return hit !== undefined;
}

let hit: Point | undefined;

/** Known: by then the container is gone, and a `delete` that cannot ask for init's end does not ask again. */
const isWaitRefused = () => ["waitid", "reapPidfd", "reapProcess"].includes(hit?.call ?? "");

/** From here on nothing fails. */
function rememberHit(): void {
  hit = control.hit() ?? hit;
  control.rest();
}

let idle: string[] = [];

async function main(): Promise<void> {
  // Whatever the engine opens once, it has opened now.
  for (const operation of Object.values(operations)) await countCalls(operation);
  idle = holdings();
  let struck = 0;
  for (const [name, operation] of Object.entries(operations)) {
    const points = await countCalls(operation);
    for (const role of roles) {
      const count = points.filter((point) => point.role === role).length;
      for (let at = 1 + (task.seed % task.stride); at <= count; at += task.stride) {
        if (await strike(name, operation, role, at)) struck += 1;
      }
    }
  }
  say({ struck });
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
