import { spawn, spawnSync } from "node:child_process";
import { closeSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { loadAddon } from "../../src/addon/addon";
import { addonDir, repositoryDir } from "../support/environment";

const library = join(addonDir, "tsoci.node");
const loading = `
  const library = { exports: {} };
  process.dlopen(library, ${JSON.stringify(library)});
  const addon = library.exports;
`;

const countThreads = () => readdirSync("/proc/self/task").length;

/** Makes an eventfd(2) readable. */
function ring(fd: number): void {
  loadAddon().writeBytes({ fd, bytes: new Uint8Array(new BigUint64Array([1n]).buffer) });
}

/** Runs a program of JavaScript under the given engine: what it prints. */
function runUnder(engine: string, body: string): string {
  const { stdout, stderr, status } = spawnSync(engine, ["-e", loading + body], {
    encoding: "utf8",
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return stdout;
}

const engines = [process.execPath, join(repositoryDir, "node_modules/@oven/bun-linux-x64/bin/bun")];

test("200 waits at once need one thread, and each ends with its own descriptor", async () => {
  const addon = loadAddon();
  const first = addon.openEventfd();
  ring(first);
  expect(await addon.waitReadableAsync({ fd: first, timeoutMs: -1 })).toBe(true);
  const threads = countThreads();
  const fds = Array.from({ length: 200 }, () => addon.openEventfd());
  const ended: number[] = [];

  const waits = fds.map(async (fd, index) => {
    if (await addon.waitReadableAsync({ fd, timeoutMs: -1 })) ended.push(index);
  });

  expect(countThreads()).toBe(threads);
  ring(fds[150] as number);
  await waits[150];
  expect(ended).toEqual([150]);
  fds.forEach(ring);
  await Promise.all(waits);
  expect(new Set(ended).size).toBe(200);
  for (const fd of [...fds, first]) closeSync(fd);
});

test("a wait ends when its time has passed, and others go on", async () => {
  const addon = loadAddon();
  const fd = addon.openEventfd();
  const other = addon.openEventfd();
  const unending = addon.waitReadableAsync({ fd: other, timeoutMs: -1 });

  expect(await addon.waitReadableAsync({ fd, timeoutMs: 1 })).toBe(false);
  expect(await addon.waitReadableAsync({ fd, timeoutMs: 0 })).toBe(false);
  ring(fd);
  expect(await addon.waitReadableAsync({ fd, timeoutMs: 0 })).toBe(true);

  ring(other);
  expect(await unending).toBe(true);
  for (const each of [fd, other]) closeSync(each);
});

test("the caller may close its descriptor at once", async () => {
  const addon = loadAddon();
  const child = spawn("sh", ["-c", "read line"], { stdio: ["pipe", "ignore", "ignore"] });
  const pidfd = addon.openPidfd({ pid: child.pid as number });

  const ended = addon.waitReadableAsync({ fd: pidfd, timeoutMs: -1 });
  closeSync(pidfd);
  child.stdin?.end();

  expect(await ended).toBe(true);
});

test("what poll(2) would not wait for is readable at once", async () => {
  const addon = loadAddon();
  const fd = addon.openFile({ path: __filename, how: "read" });

  expect(await addon.waitReadableAsync({ fd, timeoutMs: -1 })).toBe(true);
  closeSync(fd);
});

test("a descriptor that is not open is named", () => {
  expect(() => loadAddon().waitReadableAsync({ fd: 1 << 20, timeoutMs: -1 })).toThrow(
    expect.objectContaining({ code: "EBADF", detail: `descriptor ${1 << 20}` }),
  );
});

test("the waits of a worker thread end with it, and those of others do not", async () => {
  const addon = loadAddon();
  const fd = addon.openEventfd();
  const ended = addon.waitReadableAsync({ fd, timeoutMs: -1 });
  const before = readdirSync("/proc/self/fd").length;
  const body = `
    for (let count = 0; count < 50; count += 1) addon.waitReadableAsync({ fd: ${fd}, timeoutMs: -1 });
    require("node:worker_threads").parentPort.postMessage("waiting");
  `;
  const worker = new Worker(loading + body, { eval: true });
  await new Promise((resolve) => worker.once("message", resolve));
  expect(readdirSync("/proc/self/fd").length).toBeGreaterThanOrEqual(before + 50);

  await worker.terminate();

  expect(readdirSync("/proc/self/fd").length).toBeLessThan(before + 50);
  ring(fd);
  expect(await ended).toBe(true);
  closeSync(fd);
});

test("worker threads may end all at once, and while their waits do", () => {
  const inWorker = `${loading}
    for (let index = 0; index < 20; index += 1) {
      const fd = addon.openEventfd();
      addon.waitReadableAsync({ fd, timeoutMs: index % 3 === 0 ? -1 : index });
      if (index % 2 === 0) addon.writeBytes({ fd, bytes: new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0]) });
    }
    addon.startCopy({
      fromFd: addon.openFile({ path: "/dev/zero", how: "read" }),
      toFd: addon.openFile({ path: "/dev/null", how: "append" }),
    });
    require("node:worker_threads").parentPort.postMessage("waiting");
  `;
  const body = `
    const { Worker } = require("node:worker_threads");
    const workOnce = () => new Promise((resolve, reject) => {
      const worker = new Worker(${JSON.stringify(inWorker)}, { eval: true });
      worker.once("error", reject);
      worker.once("message", () => worker.terminate().then(resolve));
    });
    const workAgain = async () => { for (let round = 0; round < 10; round += 1) await workOnce(); };
    Promise.all([workAgain(), workAgain(), workAgain()]).then(() => console.log("ended"));
  `;
  const { stdout, stderr, status } = spawnSync(process.execPath, ["-e", body], {
    encoding: "utf8",
  });
  expect({ stdout, stderr, status }).toEqual({ stdout: "ended\n", stderr: "", status: 0 });
});

for (const engine of engines) {
  const name = engine.endsWith("bun") ? "Bun" : "Node";

  test(`${name}: a wait keeps the event loop alive`, () => {
    const body = `
      const child = require("node:child_process").spawn("sh", ["-c", "exit 3"], { stdio: "ignore" });
      const pidfd = addon.openPidfd({ pid: child.pid });
      child.unref();
      addon.waitReadableAsync({ fd: pidfd, timeoutMs: -1 }).then((ended) => console.log(ended));
    `;
    expect(runUnder(engine, body)).toBe("true\n");
  });

  test(`${name}: the addon can go with the only worker thread that used it`, () => {
    const inWorker = `${loading}
      const fd = addon.openEventfd();
      addon.waitReadableAsync({ fd, timeoutMs: -1 });
      require("node:worker_threads").parentPort.postMessage("waiting");
    `;
    const body = `
      const { Worker } = require("node:worker_threads");
      const start = (left) => {
        const worker = new Worker(${JSON.stringify(inWorker)}, { eval: true });
        worker.once("message", () => worker.terminate().then(() => left > 0 ? start(left - 1) : console.log("ended")));
      };
      start(3);
    `;
    // The main thread must not have the addon.
    const { stdout, status } = spawnSync(engine, ["-e", body], { encoding: "utf8" });
    expect({ stdout, status }).toEqual({ stdout: "ended\n", status: 0 });
  });
}
