import { execFileSync, spawn } from "node:child_process";
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadAddon } from "../../src/addon/addon";
import { terminalTool } from "../support/environment";
import { waitFor } from "../support/wait";

const { O_NOCTTY, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } = constants;
const mebibyte = 1024 * 1024;

let dir: string;
let opened: number[];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "tsoci-copy-"));
  opened = [];
});
afterEach(() => {
  for (const fd of opened) closeSync(fd);
  rmSync(dir, { recursive: true });
});

function open(path: string, flags: number | string): number {
  const fd = openSync(path, flags);
  opened.push(fd);
  return fd;
}

function close(fd: number): void {
  opened.splice(opened.indexOf(fd), 1);
  closeSync(fd);
}

/** A fifo, of which somebody has both ends, so that neither ever says that the other is gone. */
function makeFifo(name: string): { path: string; fd: number } {
  const path = join(dir, name);
  execFileSync("mkfifo", [path]);
  return { path, fd: open(path, O_RDWR | O_NONBLOCK) };
}

/** Writes all that fits: how much that was. */
function fillUp(fd: number): number {
  const bytes = Buffer.alloc(4096, "x");
  let count = 0;
  for (;;) {
    try {
      count += writeSync(fd, bytes);
    } catch {
      return count;
    }
  }
}

/** Reads so many bytes, or until the end, of a descriptor that does not block. */
async function readBytes(fd: number, count: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  for (let left = count; left > 0; ) {
    await loadAddon().waitReadableAsync({ fd, timeoutMs: -1 });
    const part = Buffer.alloc(Math.min(left, 65_536));
    const size = readSync(fd, part);
    if (size === 0) break;
    parts.push(part.subarray(0, size));
    left -= size;
  }
  return Buffer.concat(parts);
}

/** A terminal whose program has what it says on standard output as it is, without returns. */
function startOnTerminal(script: string): { master: number; child: ReturnType<typeof spawn> } {
  const master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
  const command = ["on", "sh", "-c", `stty raw -echo; ${script}`];
  const child = spawn(terminalTool, command, { stdio: [master, "ignore", "ignore"] });
  return { master, child };
}

test("nothing is lost of what a process writes that ends at once", async () => {
  const fifo = makeFifo("from");
  const log = join(dir, "log");
  const writer = spawn("sh", ["-c", `head -c ${mebibyte} /dev/urandom | tee source >from`], {
    cwd: dir,
    stdio: "ignore",
  });
  const toFd = open(log, "a");
  const { ended } = loadAddon().startCopy({ fromFd: fifo.fd, toFd });
  close(toFd);
  await new Promise((resolve) => writer.once("exit", resolve));
  close(fifo.fd);

  await ended;

  expect(readFileSync(log).equals(readFileSync(join(dir, "source")))).toBe(true);
});

test("a writer that was gone before is an end, and one that has not come yet is none", async () => {
  const path = join(dir, "late");
  execFileSync("mkfifo", [path]);
  const fromFd = open(path, O_RDONLY | O_NONBLOCK);
  const log = join(dir, "log");
  const early = loadAddon().startCopy({ fromFd, toFd: open(log, "a") });
  const writer = open(path, O_WRONLY);
  writeSync(writer, "late");
  close(writer);
  await early.ended;
  expect(readFileSync(log, "utf8")).toBe("late");

  await loadAddon().startCopy({ fromFd, toFd: open(log, "a") }).ended;
  expect(readFileSync(log, "utf8")).toBe("late");
});

test("a full fifo holds its copy up and no other, and its reader may go and come back", async () => {
  const [from, to] = [makeFifo("from"), makeFifo("to")];
  fillUp(to.fd);
  const stuck = loadAddon().startCopy({ fromFd: from.fd, toFd: to.fd });
  const fed = fillUp(from.fd);

  const other = makeFifo("other");
  const log = join(dir, "log");
  const free = loadAddon().startCopy({ fromFd: other.fd, toFd: open(log, "a") });
  writeSync(other.fd, "goes on");
  close(other.fd);
  await free.ended;
  expect(readFileSync(log, "utf8")).toBe("goes on");

  // One that reads a little and goes, and one that reads the rest.
  const first = open(to.path, O_RDONLY | O_NONBLOCK);
  const begin = await readBytes(first, 100_000);
  close(first);
  const second = open(to.path, O_RDONLY | O_NONBLOCK);
  const rest = readBytes(second, Number.POSITIVE_INFINITY);
  const more = fillUp(from.fd);
  close(from.fd);
  await stuck.ended;
  close(to.fd);
  // The fifo was full of 65536 bytes at first.
  expect(begin.length + (await rest).length).toBe(65_536 + fed + more);
});

test("a copy ends when nobody reads it any more", async () => {
  const [from, to] = [makeFifo("from"), makeFifo("to")];
  const { ended } = loadAddon().startCopy({ fromFd: from.fd, toFd: to.fd });
  close(to.fd);
  writeSync(from.fd, "for nobody");

  await expect(ended).resolves.toBeUndefined();
});

test("a copy whose target has no room says so", async () => {
  const from = makeFifo("from");
  const { ended } = loadAddon().startCopy({ fromFd: from.fd, toFd: open("/dev/full", "a") });
  writeSync(from.fd, "too much");

  await expect(ended).rejects.toMatchObject({ code: "ENOSPC", syscall: "write" });
});

test("a file is copied to its end", async () => {
  const to = join(dir, "to");
  await loadAddon().startCopy({ fromFd: open(__filename, "r"), toFd: open(to, "a") }).ended;

  expect(readFileSync(to, "utf8")).toBe(readFileSync(__filename, "utf8"));
});

test("all that a terminal's program wrote arrives, and its end is the copy's", async () => {
  const to = makeFifo("to");
  const { master } = startOnTerminal(`head -c ${mebibyte} /dev/zero | tr '\\0' z`);
  const { ended } = loadAddon().startCopy({ fromFd: master, toFd: to.fd });
  close(master);

  const output = await readBytes(to.fd, mebibyte);

  await expect(ended).resolves.toBeUndefined();
  expect(output.equals(Buffer.alloc(mebibyte, "z"))).toBe(true);
});

test("a fifo is copied to a terminal's program, as fast as that reads", async () => {
  const from = makeFifo("from");
  const seen = join(dir, "seen");
  const { master, child } = startOnTerminal(`echo; head -c ${mebibyte} >"${seen}"`);
  const exited = new Promise((resolve) => child.once("exit", resolve));
  await readBytes(master, 1);
  const { ended, copy } = loadAddon().startCopy({ fromFd: from.fd, toFd: master });
  const writer = spawn("sh", ["-c", `head -c ${mebibyte} /dev/zero | tr '\\0' z >from`], {
    cwd: dir,
    stdio: "ignore",
  });
  await new Promise((resolve) => writer.once("exit", resolve));
  await exited;

  expect(readFileSync(seen).equals(Buffer.alloc(mebibyte, "z"))).toBe(true);
  loadAddon().endCopy({ copy });
  await ended;
});

test("ending a copy early still copies what is there", async () => {
  const from = makeFifo("from");
  const log = join(dir, "log");
  const { copy, ended } = loadAddon().startCopy({ fromFd: from.fd, toFd: open(log, "a") });
  const written = fillUp(from.fd);

  loadAddon().endCopy({ copy });
  await ended;

  // While it was being written some of it was copied already, and made room.
  expect(readFileSync(log).length).toBe(written);
  loadAddon().endCopy({ copy });
});

test("ending it twice does not wait for a reader that never comes", async () => {
  const [from, to] = [makeFifo("from"), makeFifo("to")];
  fillUp(to.fd);
  const { copy, ended } = loadAddon().startCopy({ fromFd: from.fd, toFd: to.fd });
  writeSync(from.fd, "never read");
  loadAddon().endCopy({ copy });
  loadAddon().endCopy({ copy });

  await expect(ended).resolves.toBeUndefined();
});

test("the flags of what others have open too stay as they are", async () => {
  const from = makeFifo("from");
  const fromFd = open(from.path, O_RDONLY);
  const to = makeFifo("to");
  const toFd = open(to.path, O_WRONLY);
  const { copy, ended } = loadAddon().startCopy({ fromFd, toFd });
  fillUp(from.fd);
  waitFor("a full fifo", () => fillUp(to.fd) === 0);

  for (const fd of [fromFd, toFd]) {
    const flags = /^flags:\s+0*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"));
    expect(Number.parseInt(flags?.[1] ?? "", 8) & O_NONBLOCK).toBe(0);
  }
  loadAddon().endCopy({ copy });
  loadAddon().endCopy({ copy });
  await ended;
});
