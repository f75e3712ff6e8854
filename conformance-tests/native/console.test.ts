import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadAddon } from "../../src/addon/addon";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "tsoci-console-"));
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});

/** What arrives at the socket when `send` has connected to it; the descriptors are dropped. */
async function receivedAt(path: string, send: (path: string) => void): Promise<string> {
  const server = createServer();
  const text = new Promise<string>((resolve) => {
    server.once("connection", (socket) => socket.once("data", (data) => resolve(String(data))));
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  send(path);
  const received = await text;
  await new Promise((resolve) => server.close(resolve));
  return received;
}

test("the master comes with the name that runc gives it", async () => {
  const text = await receivedAt(join(dir, "s"), (path) =>
    loadAddon().sendConsole({ path, masterFd: 0 }),
  );

  expect(text).toBe("/dev/ptmx");
});

test("a pidfd comes with the text it was sent with, through a path of any length", async () => {
  // A listener cannot have so long a name itself; it is reached by a link to its short one.
  const deep = join(dir, "d".repeat(120));
  mkdirSync(deep);
  symlinkSync(join(dir, "s"), join(deep, "s"));

  const text = await receivedAt(join(dir, "s"), () =>
    loadAddon().sendPidfd({ path: join(deep, "s"), pidfd: 0, text: "standard" }),
  );

  expect(text).toBe("standard");
});

test("a socket that is not there is named", () => {
  const path = join(dir, "none");

  expect(() => loadAddon().sendConsole({ path, masterFd: 0 })).toThrow(
    expect.objectContaining({ code: "ENOENT", syscall: "connect", detail: `"${path}"` }),
  );
});
