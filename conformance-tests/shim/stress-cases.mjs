// The cases of stress.mjs. Each gets what `runCase` makes, and throws when something is not as it must be.
import { mkdirSync, readdirSync, readlinkSync } from "node:fs";
import { makeBundles, processOf, simpleConfig } from "./bundles.mjs";
import { forAll, untilEmpty, withDeadline } from "./deadline.mjs";
import { FifoReader, makeFifos } from "./fifos.mjs";
import { isGone, ShimConnection } from "./shim.mjs";

const atATime = 20;
const warmUp = 20;
/** What a thread with an event loop needs, if the shim takes one more for what is asked of it at the same time. */
const mostFilesOfThread = 4;
const settleMs = 15_000;
/** 128 and the number of SIGKILL: what a container has that nobody saw end. */
const killedStatus = 137;
const group = "pod";

export const cases = {
  "containers, one shim": (world) => withPod(world, runContainers),
  "containers, a shim for each": runSeparately,
  "processes in one container": (world) => withPod(world, runExecs),
  "containers, one shim, killed": killSharedShim,
  "containers, a shim for each, killed": killSeparateShims,
  "processes in one container, the shim killed": killUnderExecs,
};

/** The same for the same seed: a failure can be brought back. */
const codeOf = (seed, index) =>
  (Math.imul(index + 1, 0x9e3779b1) ^ Math.imul(seed, 0x85ebca6b)) >>> 24;
const shell = (text) => ["/bin/busybox", "sh", "-c", text];
const saysAndEnds = (code) => shell(`echo ${code}; exit ${code}`);
const waits = ["/bin/busybox", "sleep", "100000"];

/** Containers of which each ends with a status of its own. */
function makeContainers(world, count, prefix, shared) {
  const wanted = Array.from({ length: count }, (_, index) => {
    const id = `${prefix}${index}`;
    const code = codeOf(world.seed, index);
    return { id, code, ...describe(world, id, saysAndEnds(code), shared) };
  });
  const bundles = makeBundles(`${world.dir}/case`, wanted);
  const outputs = makeOutputs(bundles.map(({ dir }) => `${dir}/out`));
  return bundles.map((bundle, index) => ({
    ...bundle,
    ...wanted[index],
    stdio: outputs[index],
  }));
}

const describe = (world, id, args, shared) => ({
  config: simpleConfig(args, `${world.cgroupParent}/${id}`),
  mounts: [overlay(world, id)],
  ...(shared ? { group } : {}),
});

/** Fifos for the output of each, whose names begin so. */
function makeOutputs(prefixes) {
  const outputs = prefixes.map((prefix) => ({
    stdout: `${prefix}.stdout`,
    stderr: `${prefix}.stderr`,
  }));
  makeFifos(outputs.flatMap(({ stdout, stderr }) => [stdout, stderr]));
  return outputs;
}

/** A root file system as a snapshotter has it: a layer that all share, and one that is the container's own. */
function overlay(world, id) {
  const own = `${world.dir}/case/${id}.layer`;
  for (const name of ["upper", "work"]) mkdirSync(`${own}/${name}`, { recursive: true });
  const layers = `lowerdir=${world.dir}/lower,upperdir=${own}/upper,workdir=${own}/work`;
  return { type: "overlay", source: "overlay", options: layers.split(",") };
}

/** What callers were told of a container. */
function toldOf({ seen }, id) {
  const told = seen.get(id) ?? { isComplete: false, codes: new Map() };
  seen.set(id, told);
  return told;
}

/** It has been deleted, by a shim that lives on to tell so. */
function complete(world, id) {
  toldOf(world, id).isComplete = true;
}

function assertEqual(found, expected, what) {
  if (found !== expected) throw new Error(`${what} is "${found}", and must be "${expected}"`);
}

/** The whole life of a process that ends by itself; `begin` makes it, `execId` is "" for a container's first. */
async function liveThrough(world, connection, { id, execId, code, stdio }, begin) {
  const output = new FifoReader(stdio.stdout);
  const errors = new FifoReader(stdio.stderr);
  const what = `of "${id}" "${execId}"`;
  try {
    await begin();
    const ended = connection.call("wait", { id, execId });
    // Also when `start` fails first.
    ended.catch(() => {});
    await connection.call("start", { id, execId });
    assertEqual((await ended).exitStatus, code, `the status that wait tells ${what}`);
    const removed = await connection.call("delete", { id, execId });
    assertEqual(removed.exitStatus, code, `the status that delete tells ${what}`);
    toldOf(world, id).codes.set(execId, code);
    const ends = Promise.all([output.end, errors.end]);
    const said = await withDeadline(ends, settleMs, `the end of the output ${what}`);
    assertEqual(said.join(""), `${code}\n`, `the output ${what}`);
  } finally {
    output.close();
    errors.close();
  }
}

const runContainer = (world, connection, container, isMade = () => {}) =>
  liveThrough(world, connection, { ...container, execId: "" }, async () => {
    await connection.create(world.program, container, container);
    isMade();
  });

/** Starts or finds the shim of the container; `shimPid` is its process. */
async function reach({ program }, container) {
  const address = await program.start(container);
  const connection = await ShimConnection.open(address);
  const { shimPid } = await connection.call("connect", { id: container.id });
  return { connection, shimPid, address };
}

/** It answers, or is gone before it could. */
async function shutDown(connection, id) {
  try {
    await connection.call("shutdown", { id });
  } catch (error) {
    if (!isGone(error)) throw error;
  } finally {
    connection.close();
  }
}

/** A container that waits, which keeps the group's shim. */
async function withPod(world, use) {
  const [bundle] = makeBundles(`${world.dir}/case`, [
    { id: "pause", ...describe(world, "pause", waits, true) },
  ]);
  const pod = { ...bundle, ...(await reach(world, bundle)) };
  const { connection } = pod;
  const mounts = [overlay(world, "pause")];
  pod.pid = (await connection.create(world.program, bundle, { mounts })).pid;
  await connection.call("start", { id: "pause" });
  await use(world, pod);
  if (pod.isKilled) return;
  await connection.call("kill", { id: "pause", signal: 9, all: true });
  assertEqual(
    (await connection.call("wait", { id: "pause" })).exitStatus,
    killedStatus,
    "the status",
  );
  await connection.call("delete", { id: "pause" });
  toldOf(world, "pause").codes.set("", killedStatus);
  complete(world, "pause");
  await shutDown(connection, "pause");
}

const openFiles = (pid) =>
  readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
    } catch (error) {
      // Closed while we looked.
      if (error.code === "ENOENT") return [];
      throw error;
    }
  });

const threads = (pid) => readdirSync(`/proc/${pid}/task`).length;

/** The members of one list that the other has not as often. */
function without(list, other) {
  const rest = [...other];
  return list.filter((member) => {
    const place = rest.indexOf(member);
    if (place >= 0) rest.splice(place, 1);
    return place < 0;
  });
}

/** Does it for all. After the last of them the shim holds no more open than after the first ones. */
async function withoutNewFiles(pid, list, work) {
  // As many as work at the same time: so many threads it may keep.
  await forAll(list.slice(0, warmUp), atATime, work);
  const before = openFiles(pid);
  const threadsBefore = threads(pid);
  await forAll(list.slice(warmUp), atATime, work);
  const more = () => {
    const now = openFiles(pid);
    const threadsMore = Math.max(0, threads(pid) - threadsBefore);
    const most = before.length + threadsMore * mostFilesOfThread;
    return now.length > most ? without(now, before) : [];
  };
  const found = await untilEmpty(more, settleMs);
  if (found.length === 0) return;
  throw new Error(
    `the shim held ${before.length} files open, and holds besides: ${found.join(", ")}`,
  );
}

async function runContainers(world, { connection, shimPid, address }) {
  const containers = makeContainers(world, world.containers, "c", true);
  const runOne = async (container) => {
    const found = await world.program.start(container);
    found.log.close();
    assertEqual(found.socketPath, address.socketPath, "the socket of a group's second container");
    await runContainer(world, connection, container);
    complete(world, container.id);
  };
  await withoutNewFiles(shimPid, containers, runOne);
}

async function runSeparately(world) {
  const containers = makeContainers(world, world.containers, "c", false);
  await forAll(containers, atATime, async (container) => {
    const { connection } = await reach(world, container);
    await runContainer(world, connection, container);
    complete(world, container.id);
    await shutDown(connection, container.id);
  });
}

function makeExecs(world) {
  const dir = `${world.dir}/case/execs`;
  mkdirSync(dir);
  const execIds = Array.from({ length: world.execs }, (_, index) => `e${index}`);
  const outputs = makeOutputs(execIds.map((execId) => `${dir}/${execId}`));
  return execIds.map((execId, index) => ({
    id: "pause",
    execId,
    code: codeOf(world.seed, index),
    stdio: outputs[index],
  }));
}

const runExec = (world, connection, exec, isMade = () => {}) =>
  liveThrough(world, connection, exec, async () => {
    const process = processOf(saysAndEnds(exec.code));
    await connection.exec(exec.id, exec.execId, process, exec.stdio);
    isMade();
  });

async function runExecs(world, { connection, shimPid }) {
  await withoutNewFiles(shimPid, makeExecs(world), (exec) => runExec(world, connection, exec));
}

/** What containerd does for a container whose shim is gone. Its own unmounting is left out: the shim must have. */
async function cleanAfter(world, container) {
  const { exitStatus } = await world.program.delete(container);
  assertEqual(
    exitStatus,
    killedStatus,
    `the status that the shim's delete tells of "${container.id}"`,
  );
  toldOf(world, container.id).isComplete = false;
}

/** Kills once: when `count` are done, and another one has just been made that has its life before it. */
function killAfter(count, kill) {
  let done = 0;
  let isKilled = false;
  const oneIsDone = () => {
    done += 1;
  };
  const oneIsMade = () => {
    if (isKilled || done < count) return;
    isKilled = true;
    kill();
  };
  return { oneIsDone, oneIsMade };
}

/** Of containers that are gone the shim may have had something to tell yet when it was killed. */
function excuse({ seen, containerd }) {
  for (const [id, told] of seen) {
    told.isComplete &&= containerd.eventsOf(id).some(({ topic }) => topic === "/tasks/delete");
  }
}

async function killSharedShim(world) {
  const containers = makeContainers(world, world.containers, "c", true);
  const shims = new Map();
  // One may be reached before, and heard from after.
  const killed = new Set();
  let broken = 0;
  let done = 0;
  const kill = () => {
    for (const pid of shims.keys()) {
      process.kill(pid, "SIGKILL");
      killed.add(pid);
    }
    shims.clear();
    excuse(world);
  };
  const { oneIsDone, oneIsMade } = killAfter(Math.ceil(world.containers / 2), kill);
  const runOne = async (container) => {
    try {
      const { connection, shimPid } = await reach(world, container);
      if (!killed.has(shimPid)) shims.set(shimPid, { connection, id: container.id });
      await runContainer(world, connection, container, oneIsMade);
      // Not when it was killed after its last answer.
      if (!killed.has(shimPid)) complete(world, container.id);
    } catch (error) {
      if (!isGone(error)) throw error;
      broken += 1;
      await cleanAfter(world, container);
      return;
    }
    done += 1;
    oneIsDone();
  };
  try {
    await forAll(containers, atATime, runOne);
  } finally {
    for (const { connection, id } of shims.values()) await shutDown(connection, id);
  }
  if (broken === 0) throw new Error("the shim was killed, and no call has failed");
  assertEqual(done + broken, containers.length, "the number of containers");
}

async function killSeparateShims(world) {
  const containers = makeContainers(world, world.containers, "c", false);
  const shims = new Set();
  let broken = 0;
  const kill = () => {
    for (const pid of shims) process.kill(pid, "SIGKILL");
    shims.clear();
  };
  const { oneIsDone, oneIsMade } = killAfter(Math.ceil(world.containers / 2), kill);
  await forAll(containers, atATime, async (container) => {
    let shim;
    try {
      shim = await reach(world, container);
      shims.add(shim.shimPid);
      await runContainer(world, shim.connection, container, oneIsMade);
      if (shims.has(shim.shimPid)) complete(world, container.id);
      else shim = undefined;
    } catch (error) {
      if (!isGone(error)) throw error;
      shim = undefined;
    }
    // Also when its last call was answered: a shim that was not told to end is cleaned up after.
    if (shim === undefined) {
      broken += 1;
      await cleanAfter(world, container);
      return;
    }
    // From here on it ends by itself.
    shims.delete(shim.shimPid);
    await shutDown(shim.connection, container.id);
    oneIsDone();
  });
  if (broken === 0) throw new Error("shims were killed, and no call has failed");
}

async function killUnderExecs(world) {
  await withPod(world, async (_, pod) => {
    const execs = makeExecs(world);
    let isKilled = false;
    let broken = 0;
    const { oneIsDone, oneIsMade } = killAfter(Math.ceil(execs.length / 2), () => {
      process.kill(pod.shimPid, "SIGKILL");
      isKilled = true;
    });
    await forAll(execs, atATime, async (exec) => {
      if (isKilled) return;
      try {
        await runExec(world, pod.connection, exec, oneIsMade);
        oneIsDone();
      } catch (error) {
        if (!isGone(error)) throw error;
        broken += 1;
      }
    });
    pod.isKilled = true;
    if (broken === 0) throw new Error("the shim was killed, and no call has failed");
    // Signal 0 asks whether it is there: a container outlives its shim.
    process.kill(pod.pid, 0);
    await cleanAfter(world, pod);
  });
}
