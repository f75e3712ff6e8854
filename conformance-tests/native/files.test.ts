import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadAddon } from "../../src/addon/addon";
import { repositoryDir } from "../support/environment";
import { killIfAlive } from "../support/host";
import { waitFor } from "../support/wait";

const makeDir = () => mkdtempSync(join(tmpdir(), "tsoci-files-"));

test("a new file takes the place of nothing, and follows no link", () => {
  const dir = makeDir();
  writeFileSync(join(dir, "other"), "untouched");
  symlinkSync("other", join(dir, "link"));
  symlinkSync("missing", join(dir, "dangling"));

  for (const name of ["other", "link", "dangling"]) {
    const request = { path: join(dir, name), text: "new", how: "new", mode: 0o644 } as const;
    expect(() => loadAddon().writeText(request)).toThrow(/EEXIST/);
  }

  expect(readFileSync(join(dir, "other"), "utf8")).toBe("untouched");
  expect(lstatSync(join(dir, "dangling")).isSymbolicLink()).toBe(true);
});

/** Whether the kernel has the process wait for a lock: proc_locks(5). */
const waitsForLock = (pid: number) =>
  readFileSync("/proc/locks", "utf8")
    .split("\n")
    .some((line) => line.includes("->") && line.split(/\s+/).includes(String(pid)));

test("the lock of a directory that is gone is none of the one that came after it", async () => {
  const path = join(makeDir(), "container");
  mkdirSync(path);
  const first = loadAddon().lockDirectory({ path, wait: true });
  const body = `
    const { loadAddon } = require(${JSON.stringify(join(repositoryDir, "build/js/addon/addon.js"))});
    const fd = loadAddon().lockDirectory({ path: ${JSON.stringify(path)}, wait: true });
    console.log(require("node:fs").fstatSync(fd).ino);
  `;
  const waiting = spawn(process.execPath, ["-e", body], { stdio: ["ignore", "pipe", "inherit"] });
  const pid = waiting.pid ?? 0;
  try {
    waitFor("the other to wait for the lock", () => waitsForLock(pid));

    rmdirSync(path);
    mkdirSync(path);
    closeSync(first);

    const [said] = await once(waiting.stdout, "data");
    expect(Number(said)).toBe(statSync(path).ino);
  } finally {
    killIfAlive(pid);
  }
});
