import { execFileSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { writeAll } from "./write-all";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "tsoci-write-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

test("a full pipe that does not block is waited for, and nothing is lost", async () => {
  const fifo = join(dir, "fifo");
  execFileSync("mkfifo", [fifo]);
  const readFd = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  const writeFd = openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK);
  // Four times what a pipe holds; the reader is another thread because writeAll blocks this one.
  const text = "0123456789abcdef".repeat(16 * 1024);
  const reader = new Worker(
    `const { readSync } = require("node:fs");
     const { workerData, parentPort } = require("node:worker_threads");
     const buffer = Buffer.alloc(65536);
     let total = 0;
     while (total < workerData.length) {
       try { total += readSync(workerData.fd, buffer); } catch (error) { if (error.code !== "EAGAIN") throw error; }
     }
     parentPort.postMessage(total);`,
    { eval: true, workerData: { fd: readFd, length: text.length } },
  );
  const received = new Promise((resolve, reject) =>
    reader.on("message", resolve).on("error", reject),
  );

  writeAll(writeFd, text);

  expect(await received).toBe(text.length);
  closeSync(writeFd);
  expect(readSync(readFd, Buffer.alloc(1))).toBe(0);
  closeSync(readFd);
});

test("any other failure is the caller's", () => {
  const fd = openSync(dir, constants.O_RDONLY);

  expect(() => writeAll(fd, "x")).toThrow(/EBADF/);
  closeSync(fd);
});
