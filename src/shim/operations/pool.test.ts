import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { RuntimeError } from "../../errors/runtime-error";
import { OperationPool } from "./pool";

/** Answers a "start" with its id; one of "stuck" only when the shared memory says so; "broken" ends the thread. */
const thread = `
const { parentPort, threadId } = require("node:worker_threads");
parentPort.on("message", ({ request: { id, gate } }) => {
  if (id === "broken") throw new Error("broken");
  if (id === "stuck") Atomics.wait(gate, 0, 0);
  if (id === "refused") parentPort.postMessage({ failure: { code: "ID_TAKEN", message: "taken" }, warnings: [] });
  else parentPort.postMessage({ answer: threadId, warnings: id === "careful" ? ["mind the gap"] : [] });
});`;

const runtime = { stateRoot: "/s", systemdCgroup: false };
let dir: string;
let pool: OperationPool;
let warnings: string[];
let gate: Int32Array;
let timesIdle: number;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pool-"));
  writeFileSync(join(dir, "thread.js"), thread);
  warnings = [];
  timesIdle = 0;
  gate = new Int32Array(new SharedArrayBuffer(4));
  const start = () => new Worker(join(dir, "thread.js"));
  const warn = (warning: string) => warnings.push(warning);
  pool = new OperationPool(start, warn, () => {
    timesIdle += 1;
  });
});

afterEach(async () => {
  await pool.close();
  rmSync(dir, { recursive: true });
});

const run = (id: string) =>
  pool.run("start", runtime, { id, gate } as { id: string }) as Promise<unknown>;
const open = () => {
  Atomics.store(gate, 0, 1);
  Atomics.notify(gate, 0);
};

test("one operation after the other is done by one thread", async () => {
  expect(new Set([await run("a"), await run("b"), await run("c")]).size).toBe(1);
  expect(pool.isIdle).toBe(true);
});

test("a failure keeps its code", async () => {
  await expect(run("refused")).rejects.toEqual(new RuntimeError("ID_TAKEN", "taken"));
});

test("warnings are told", async () => {
  await run("careful");

  expect(warnings).toEqual(["mind the gap"]);
});

test("who is stuck holds nobody up", async () => {
  const stuck = Array.from({ length: 5 }, () => run("stuck"));

  expect(await run("a")).toEqual(expect.any(Number));
  expect(pool.isIdle).toBe(false);

  open();
  expect(new Set(await Promise.all(stuck)).size).toBe(5);
});

test("a thread that ends fails what it did, and others go on", async () => {
  await expect(run("broken")).rejects.toThrow("the thread of the operation ended");
  expect(await run("a")).toEqual(expect.any(Number));
});

test("it is told when nothing is left to do", async () => {
  await Promise.all([run("a"), run("b"), run("c")]);
  const once = timesIdle;
  await expect(run("broken")).rejects.toThrow();

  expect(once).toBe(1);
  expect(timesIdle).toBe(2);
});
