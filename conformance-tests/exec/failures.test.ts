import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { useBackground } from "../support/background";
import { scratchDir } from "../support/environment";
import { freezeCgroup, isAlive } from "../support/host";
import { findLeaks, snapshotHost } from "../support/leaks";
import { callRuntime, expectExecRefusal } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";
import { waitFor } from "../support/wait";

rootSuite("exec: failures before the program have the status 255", () => {
  const container = useContainers();
  const { startRuntime } = useBackground();

  shows("peers", "an unknown container", () => {
    const box = container();

    expectExecRefusal(box.attemptExec(["/probe"]), "container does not exist");
    expectExecRefusal(
      callRuntime(["--root", box.stateRoot, "exec", "../x", "/probe"]),
      "invalid container ID format",
    );
  });

  shows("peers", "a stopped container", () => {
    const box = container();
    box.runWaiting();
    box.kill("KILL");
    box.waitUntilStopped();

    expectExecRefusal(box.attemptExec(["/probe"]), "cannot exec in a stopped container");
  });

  shows(
    "peers",
    "a paused container, and --ignore-paused waits until it goes on",
    async () => {
      const box = container();
      box.runWaiting();
      const thaw = freezeCgroup(box.cgroupPath);
      waitFor("the status paused", () => box.state().status === "paused");

      expectExecRefusal(
        box.attemptExec(["/probe"]),
        "cannot exec in a paused container (use --ignore-paused to override)",
      );
      const waiting = startRuntime(box.execArgs(["/probe", "--quiet"], ["--ignore-paused"]));
      // The process is in the container's cgroup, and has not run its program.
      await waiting.until("the process", () => frozenChildren(waiting.pid) > 0);
      thaw();

      expect(await waiting.end()).toMatchObject({ status: 0 });
    },
    ["freezer"],
  );

  shows("peers", "no such program, in the words that callers look for", () => {
    const box = container((_, { rootfsDir }) => {
      writeFileSync(join(rootfsDir, "plain"), "text", { mode: 0o644 });
      writeFileSync(join(rootfsDir, "junk"), "no program", { mode: 0o755 });
      writeFileSync(join(rootfsDir, "run.sh"), "#!/no/interpreter\n", { mode: 0o755 });
    });
    box.runWaiting();

    for (const [program, ...words] of [
      ["none", 'exec: "none": executable file not found in $PATH'],
      ["/none", 'exec: "/none": stat /none: no such file or directory'],
      ["/plain", "permission denied"],
      ["/etc", "is a directory"],
      ["/junk", "exec format error"],
      ["/run.sh", "exec /run.sh: no such file or directory"],
    ] as const)
      expectExecRefusal(box.attemptExec([program]), ...words);
    expect(box.state().status).toBe("running");
  });

  shows("peers", "a program that is not there leaves neither pid file nor process", () => {
    const box = container();
    box.runWaiting();
    const before = readdirSync(box.dir).sort();

    for (const flags of [[], ["--detach"]])
      expectExecRefusal(box.attemptExec(["none"], [...flags, "--pid-file", join(box.dir, "pid")]));

    expect(readdirSync(box.dir).sort()).toEqual(before);
  });

  shows("peers", "no command", () => {
    const box = container();
    box.runWaiting();

    expectExecRefusal(box.attemptExec([]), "process args cannot be empty");
    expectExecRefusal(box.attemptExec([""]), "executable file not found");
  });

  shows("ours", "nothing of what failed is left, but for the container", () => {
    const box = container();
    const pid = box.runWaiting();
    const before = findLeaks(snapshotHost(), scratchDir());
    const states = readdirSync(join(box.stateRoot, box.id)).sort();

    box.attemptExec(["none"]);
    box.attemptExec(["/probe"], ["--pid-file", "/no/dir/pid"]);
    box.attemptExec(["/probe"], ["--cwd", "/none"]);
    box.attemptExec(["/probe"], ["--cgroup", "none"]);
    box.attemptExec(["/probe"], ["--detach", "--tty", "--console-socket", "/no/socket"]);
    box.attemptExec(["/probe"], ["--pidfd-socket", "/no/socket"]);

    waitFor("nothing more to be left", () => {
      const left = findLeaks(snapshotHost(), scratchDir());
      return left.every((leak) => before.includes(leak));
    });
    expect(readdirSync(join(box.stateRoot, box.id)).sort()).toEqual(states);
    expect(isAlive(pid)).toBe(true);
  });

  shows("ours", "a failure is told in one line, and in the log", () => {
    const box = container();
    box.runWaiting();
    const log = join(box.dir, "log.json");

    const outcome = callRuntime([
      ...["--root", box.stateRoot, "--log", log, "--log-format", "json"],
      ...["exec", box.id, "none"],
    ]);

    expectExecRefusal(outcome, `exec "${box.id}"`, "executable file not found in $PATH");
    expect(JSON.parse(readFileSync(log, "utf8"))).toMatchObject({
      level: "error",
      msg: expect.stringContaining("executable file not found in $PATH"),
    });
  });
});

/** How many children of a process are in a frozen cgroup: none of them can run. */
function frozenChildren(pid: number): number {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean)
      .length;
  } catch {
    return 0;
  }
}
