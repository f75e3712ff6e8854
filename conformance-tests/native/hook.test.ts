import { readlinkSync } from "node:fs";
import { loadAddon } from "../../src/addon/addon";
import type { HookOutcome, RunHookRequest } from "../../src/addon/bindings";
import { isAlive } from "../support/host";
import { waitFor } from "../support/wait";

function runScript(script: string, request: Partial<RunHookRequest> = {}): HookOutcome {
  return loadAddon().runHook({
    path: "/bin/sh",
    args: ["hook", "-c", script],
    env: ["PATH=/usr/bin:/bin"],
    stdin: new Uint8Array(),
    cwd: "",
    timeoutMs: -1,
    nofileSoft: -1n,
    ...request,
  });
}

test("a hook gets its input, and its last words and its status come back", () => {
  const stdin = new TextEncoder().encode('{"id":"web"}');

  const outcome = runScript("cat; echo sorry >&2; exit 3", { stdin });

  expect(outcome).toEqual({
    status: 3,
    signal: 0,
    timedOut: false,
    stdout: '{"id":"web"}',
    stderr: "sorry\n",
  });
});

test("a hook gets exactly the environment that it was given", () => {
  const outcome = runScript("", {
    path: "/usr/bin/env",
    args: ["env"],
    env: ["A=1", "B=two words"],
  });

  expect(outcome.stdout).toBe("A=1\nB=two words\n");
});

test("a hook that does not read its input is no failure", () => {
  const stdin = new Uint8Array(1 << 20);

  expect(runScript("exec <&-; exit 0", { stdin })).toMatchObject({ status: 0, signal: 0 });
  expect(runScript("wc -c", { stdin }).stdout.trim()).toBe(String(1 << 20));
});

test("of much output the last 4 KiB are kept", () => {
  const { stdout } = runScript("head -c 1000000 /dev/zero | tr '\\0' x; echo end");

  expect(stdout).toHaveLength(4096);
  expect(stdout.endsWith("xend\n")).toBe(true);
});

test("a process that the hook leaves behind is not waited for", () => {
  const outcome = runScript("sleep 60 & echo $!");

  const left = Number(outcome.stdout);
  expect(outcome.status).toBe(0);
  expect(isAlive(left)).toBe(true);
  process.kill(left, "SIGKILL");
});

test("a hook that takes too long is killed with all that it started", () => {
  const outcome = runScript("sleep 60 & echo $!; sleep 60", { timeoutMs: 100 });

  expect(outcome).toMatchObject({ timedOut: true, signal: 9 });
  const started = Number(outcome.stdout);
  waitFor("the hook's child to end", () => !isAlive(started));
});

test("a signal that ends a hook is named", () => {
  expect(runScript("kill -TERM $$")).toMatchObject({ status: 0, signal: 15, timedOut: false });
});

test("a hook is in a session of its own, with default signals and no file of ours", () => {
  const { stdout } = runScript(
    "grep -E 'SigIgn|SigBlk' /proc/self/status; ls /proc/self/fd; ps -o sid= -p $$; echo $$",
  );

  const words = stdout.split(/\s+/).filter((word) => word !== "");
  const [session, pid] = words.splice(-2);
  // The fourth descriptor is the directory that ls reads.
  expect(words).toEqual([
    "SigBlk:",
    "0000000000000000",
    "SigIgn:",
    "0000000000000000",
    "0",
    "1",
    "2",
    "3",
  ]);
  expect(session).toBe(pid);
});

test("a hook starts where it is told, with the caller's limit of open files", () => {
  const here = readlinkSync("/proc/self/cwd");

  expect(runScript("pwd; ulimit -Sn", { cwd: "/usr", nofileSoft: 123n }).stdout).toBe(
    "/usr\n123\n",
  );
  expect(runScript("pwd").stdout).toBe(`${here}\n`);
});

test("a hook that is not there is a failed execve", () => {
  expect(() => runScript("", { path: "/nonexistent/hook" })).toThrow(
    expect.objectContaining({ code: "ENOENT", syscall: "execve", detail: '"/nonexistent/hook"' }),
  );
});
