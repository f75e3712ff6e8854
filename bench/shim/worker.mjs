// Measures one shim, apart from the others and from the host. The parent says which part is next, and gets
// samples: `{ measure: value or values }`, in ms or bytes.
import { execFile, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { promisify } from "node:util";
import { makeBundles } from "../../conformance-tests/shim/bundles.mjs";
import { FakeContainerd } from "../../conformance-tests/shim/containerd.mjs";
import { untilEmpty } from "../../conformance-tests/shim/deadline.mjs";
import { FifoReader, makeFifos } from "../../conformance-tests/shim/fifos.mjs";
import {
  addressIn,
  isGone,
  ShimConnection,
  ShimProgram,
} from "../../conformance-tests/shim/shim.mjs";

const task = JSON.parse(process.argv[2]);
const dir = "/run/shim-bench";
const measure = `${task.programs}/measure`;
const execsAtOnce = 50;
const many = 50;
const streamBytes = 1e9;
const settleMs = 15_000;

mkdirSync(`${dir}/rootfs`, { recursive: true });
for (const name of ["proc", "dev", "sys", "etc"]) mkdirSync(`${dir}/rootfs/${name}`);
for (const name of ["true", "wait", "write"]) {
  copyFileSync(`${task.programs}/${name}`, `${dir}/rootfs/${name}`);
}
const program = new ShimProgram({
  path: task.shim,
  runtime: task.runtime,
  root: `${dir}/state`,
  namespace: "bench",
  containerd: await FakeContainerd.listen(dir),
});

const clock = () => Number(process.hrtime.bigint()) / 1e6;
let made = 0;

/** Fifos for the output of a process, and readers of them; outside of what is timed. */
function openOutput() {
  const prefix = `${dir}/output-${made++}`;
  const stdio = { stdout: `${prefix}.stdout`, stderr: `${prefix}.stderr` };
  const paths = Object.values(stdio);
  makeFifos(paths);
  const readers = paths.map((path) => new FifoReader(path));
  const close = () => {
    for (const reader of readers) reader.close();
    for (const path of paths) rmSync(path);
  };
  return { stdio, close };
}

/** A bundle whose root file system is an overlay, as snapshotters make them, and what it takes to create it. */
function makeContainer(args, group) {
  const id = `bench-${made++}`;
  const config = structuredClone(task.config);
  config.process.args = args;
  config.root = { path: "rootfs", readonly: true };
  config.linux.cgroupsPath = `${task.cgroupParent}/${id}`;
  const [bundle] = makeBundles(dir, [{ id, config, group }]);
  for (const name of ["upper", "work"]) mkdirSync(`${bundle.dir}/${name}`);
  const options = [
    `lowerdir=${dir}/rootfs`,
    `upperdir=${bundle.dir}/upper`,
    `workdir=${bundle.dir}/work`,
  ];
  const output = openOutput();
  const forget = () => {
    output.close();
    rmSync(bundle.dir, { recursive: true });
  };
  const mounts = [{ type: "overlay", source: "overlay", options }];
  return { ...bundle, mounts, stdio: output.stdio, forget };
}

/** Starts a shim; the clock does not run for what Node needs to make a process. */
async function startShim(container) {
  const { args, cwd, env, input } = program.invocation("start", container);
  const files = [`${container.dir}/options`, `${container.dir}/answer`];
  writeFileSync(files[0], input);
  const log = new FifoReader(`${container.dir}/log`);
  const outcome = spawnSync(measure, ["answer", ...files, task.shim, ...args], {
    cwd,
    env,
    encoding: "utf8",
  });
  const answer = readFileSync(files[1], "utf8");
  const [ns, , status] = outcome.stdout.trim().split(" ").map(Number);
  if (outcome.status !== 0 || status !== 0) {
    throw new Error(`${task.shim} start: status ${status}: ${outcome.stderr}${answer}`);
  }
  const begin = clock();
  const connection = await ShimConnection.open(addressIn(answer));
  const { shimPid } = await connection.call("connect", { id: container.id });
  const startMs = ns / 1e6;
  return { connection, shimPid, log, startMs, answeredMs: startMs + clock() - begin };
}

async function endShim({ connection, shimPid, log }, id) {
  await connection.call("shutdown", { id }).catch((error) => {
    // It may have ended before its answer was sent.
    if (!isGone(error)) throw error;
  });
  connection.close();
  const [left] = await untilEmpty(
    () => (existsSync(`/proc/${shimPid}`) ? [shimPid] : []),
    settleMs,
  );
  if (left !== undefined)
    throw new Error(`the shim ${left} has been shut down, and is still there`);
  log.close();
}

async function begin(connection, container) {
  await connection.create(program, container, container);
  await connection.call("start", { id: container.id });
}

async function end(connection, container) {
  const { id } = container;
  await connection.call("kill", { id, signal: 9, all: true });
  await connection.call("wait", { id });
  await connection.call("delete", { id });
  container.forget();
}

/** The shim and the container that all rounds share. */
let shared;

async function sharedPod() {
  if (shared !== undefined) return shared;
  const container = makeContainer(["/wait"], "shared");
  shared = { ...(await startShim(container)), id: container.id };
  await begin(shared.connection, container);
  return shared;
}

function assertSuccess({ exitStatus }) {
  if (exitStatus !== 0) throw new Error(`a program ended with status ${exitStatus}`);
}

async function timeCycle() {
  const { connection } = await sharedPod();
  const container = makeContainer(["/true"], "shared");
  const { id } = container;
  const start = clock();
  await connection.create(program, container, container);
  const ended = connection.call("wait", { id });
  await connection.call("start", { id });
  assertSuccess(await ended);
  await connection.call("delete", { id });
  const shimCycle = clock() - start;
  container.forget();
  return { shimCycle };
}

async function timeExecs() {
  const { connection, id } = await sharedPod();
  const process = { ...task.config.process, args: ["/true"] };
  const shimExec = [];
  for (let count = 0; count < execsAtOnce; count++) {
    const execId = `exec-${made++}`;
    const output = openOutput();
    const start = clock();
    await connection.exec(id, execId, process, output.stdio);
    const ended = connection.call("wait", { id, execId });
    await connection.call("start", { id, execId });
    assertSuccess(await ended);
    await connection.call("delete", { id, execId });
    shimExec.push(clock() - start);
    output.close();
  }
  return { shimExec };
}

async function timeStart() {
  const container = makeContainer(["/true"]);
  const shim = await startShim(container);
  await endShim(shim, container.id);
  container.forget();
  return { shimStart: shim.startMs, shimAnswer: shim.answeredMs };
}

const anonymousBytes = (pid) =>
  Number(/^Pss_Anon:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))[1]) *
  1024;

async function weigh() {
  const alone = await weighShims(1, () => undefined);
  const grouped = await weighShims(many, () => "weighed");
  const separate = await weighShims(many, () => undefined);
  return { shimMemory: alone, shimMemoryGroup: grouped, shimMemoryMany: separate };
}

/** What the shims of so many running containers hold together. */
async function weighShims(count, groupOf) {
  const shims = [];
  const running = [];
  for (let index = 0; index < count; index++) {
    const container = makeContainer(["/wait"], groupOf(index));
    const isFound = groupOf(index) !== undefined && shims.length > 0;
    const shim = isFound ? shims[0] : { ...(await startShim(container)), id: container.id };
    if (!isFound) shims.push(shim);
    await begin(shim.connection, container);
    running.push({ shim, container });
  }
  const bytes = shims.reduce((sum, { shimPid }) => sum + anonymousBytes(shimPid), 0);
  for (const { shim, container } of running) await end(shim.connection, container);
  for (const shim of shims) await endShim(shim, shim.id);
  return bytes;
}

async function timeStream() {
  const { connection } = await sharedPod();
  const container = makeContainer(["/write", String(streamBytes)], "shared");
  const { id, stdio } = container;
  // A reader of its own, which is faster than Node.
  const path = `${dir}/stream`;
  makeFifos([path]);
  const reading = promisify(execFile)(measure, ["read", path]);
  const withStream = { mounts: container.mounts, stdio: { ...stdio, stdout: path } };
  await connection.create(program, container, withStream);
  const start = clock();
  const ended = connection.call("wait", { id });
  await connection.call("start", { id });
  assertSuccess(await ended);
  // The last writer may be the shim, which lets go when all is deleted.
  await connection.call("delete", { id });
  const { stdout } = await reading;
  const shimStream = clock() - start;
  if (Number(stdout) !== streamBytes)
    throw new Error(`${stdout.trim()} of ${streamBytes} bytes came`);
  rmSync(path);
  container.forget();
  return { shimStream };
}

const parts = {
  cycle: timeCycle,
  execs: timeExecs,
  start: timeStart,
  memory: weigh,
  stream: timeStream,
};

process.on("message", async (part) => {
  try {
    process.send({ samples: await parts[part]() });
  } catch (error) {
    process.send({ failure: `${part}: ${error.stack}` });
  }
});
// Process 1 of this namespace waits for us, and all others end with it.
process.on("disconnect", () => process.exit(0));
process.send({ samples: {} });
