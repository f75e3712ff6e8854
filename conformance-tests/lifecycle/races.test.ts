import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { until, useBackground } from "../support/background";
import type { Container } from "../support/container";
import { callerEnvironment, runtimePath } from "../support/environment";
import { isAlive, killIfAlive, removeCgroups, statusField } from "../support/host";
import { callRuntime, expectRefusal } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

rootSuite("races and faults", () => {
  const container = useContainers();
  const { start, startRuntime } = useBackground();

  shows(
    "runtime.md#create",
    "of many simultaneous creates of one id exactly one wins",
    async () => {
      const box = container();
      const args = ["--root", box.stateRoot, "create", "--bundle", box.bundleDir, box.id];

      // Their containers must not hold a pipe of ours, so what they say is not read.
      const ends = await Promise.all(Array.from({ length: 8 }, () => startQuietly(args)));

      expect(ends.filter((status) => status === 0)).toHaveLength(1);
      expect(ends.filter((status) => status === 1)).toHaveLength(7);
      expect(box.state().status).toBe("created");
      expect(readdirSync(box.stateRoot).filter((name) => name === box.id)).toHaveLength(1);
    },
  );

  shows("runtime.md#start", "of two simultaneous starts exactly one wins", async () => {
    const box = container();
    box.probe("--wait");
    box.do("create");

    const args = ["--root", box.stateRoot, "start", box.id];
    const ends = await Promise.all(Array.from({ length: 4 }, () => startQuietly(args)));

    expect(ends.filter((status) => status === 0)).toHaveLength(1);
    expect(box.state().status).toBe("running");
  });

  shows(
    "runtime.md#lifecycle",
    "of many simultaneous deletes one does it, and its poststop hooks run once",
    async () => {
      const box = container();
      const hooked = join(box.dir, "hooked");
      box.config.hooks = {
        poststop: [{ path: "/bin/sh", args: ["sh", "-c", `echo ran >>${hooked}; sleep 0.5`] }],
      };
      box.probe("--wait");
      box.do("create");
      // So that all of them have found the container before the first one may delete it.
      const holder = start("flock", [join(box.stateRoot, box.id), "sh", "-c", "echo; sleep 0.5"]);
      await holder.until("the lock", (stdout) => stdout !== "");

      const args = ["--root", box.stateRoot, "delete", box.id];
      const ends = await Promise.all(Array.from({ length: 6 }, () => startQuietly(args)));

      expect(ends.filter((status) => status === 0)).toHaveLength(1);
      expect(readFileSync(hooked, "utf8")).toBe("ran\n");
    },
  );

  shows(
    "runtime.md#lifecycle",
    "a run whose container is deleted meanwhile runs no poststop hooks of its own",
    async () => {
      const box = container();
      const hooked = join(box.dir, "hooked");
      box.config.hooks = {
        poststop: [{ path: "/bin/sh", args: ["sh", "-c", `echo ran >>${hooked}; sleep 0.2`] }],
      };
      box.probe("--spin");
      const run = startQuietly(["--root", box.stateRoot, "run", "--bundle", box.bundleDir, box.id]);
      await until("the container to run", () => {
        const { status, stdout } = box.attempt("state");
        return status === 0 && JSON.parse(stdout).status === "running";
      });

      const ends = await Promise.all([
        startQuietly(["--root", box.stateRoot, "delete", "--force", box.id]),
        run,
      ]);

      expect(ends).toEqual([0, 128 + 9]);
      expect(readFileSync(hooked, "utf8")).toBe("ran\n");
    },
  );

  shows(
    "runtime.md#create",
    "what a killed create left of the pid file is not in the way of the next",
    () => {
      const box = container();
      const pidFile = join(box.dir, "pid");
      writeFileSync(join(box.dir, ".pid"), "1");

      box.do("create", ["--pid-file", pidFile]);

      expect(readFileSync(pidFile, "utf8")).toBe(String(box.state().pid));
      expect(readdirSync(box.dir)).not.toContain(".pid");
    },
  );

  shows("runtime.md#errors", "a pid file that cannot be written leaves nothing", () => {
    const box = container();
    mkdirSync(join(box.dir, "pid/full"), { recursive: true });

    expectRefusal(box.attempt("create", ["--pid-file", join(box.dir, "pid")]), "pid file");

    expect(readdirSync(box.dir)).not.toContain(".pid");
    expect(box.leftovers()).toEqual([]);
  });

  shows(
    "runtime.md#state",
    "a stranger that got the pid of a dead init is not the container",
    () => {
      const box = container();
      box.do("create");
      box.kill("KILL");
      box.waitUntilStopped();
      const stranger = start("sleep", ["60"]);

      pretendInitIs(box, stranger.pid);

      expect(box.state().status).toBe("stopped");
      expectRefusal(box.kill("KILL"), "container not running");
      box.do("delete", ["--force"]);
      expect(isAlive(stranger.pid)).toBe(true);
    },
  );

  shows("runtime.md#state", "a record of before a reboot names no process of today", () => {
    const box = container();
    box.do("create");
    const path = join(box.stateRoot, box.id, "state.json");
    const text = readFileSync(path, "utf8");
    const record = JSON.parse(text);
    record.tsoci.bootId = "00000000-0000-0000-0000-000000000000";

    writeFileSync(path, JSON.stringify(record));

    expect(box.state()).toMatchObject({ status: "stopped", pid: 0 });
    expectRefusal(box.kill("KILL"), "container not running");
    writeFileSync(path, text);
    expect(box.state().status).toBe("created");
  });

  shows(
    "runtime.md#errors",
    "delete --force clears up after a create that was killed in a hook",
    async () => {
      const box = container((config, { dir }) => {
        const wait = `echo $$ >${dir}/hook.pid; exec sleep 60`;
        config.hooks = { createRuntime: [{ path: "/bin/sh", args: ["sh", "-c", wait] }] };
      });
      const pidFile = join(box.dir, "hook.pid");

      const create = startRuntime([
        "--root",
        box.stateRoot,
        "create",
        "--bundle",
        box.bundleDir,
        box.id,
      ]);
      const hookPid = await until("the hook's pid", () => readPid(pidFile));
      create.kill("SIGKILL");
      await create.end();
      const outcome = box.attempt("delete", ["--force"]);
      killIfAlive(hookPid);

      expect(outcome.status).toBe(0);
      expect(box.leftovers()).toEqual([]);
    },
  );

  shows("runtime.md#errors", "delete --force ends a create that goes on", async () => {
    const box = container((config, { dir }) => {
      const wait = `echo $$ >${dir}/hook.pid; exec sleep 60`;
      config.hooks = { createRuntime: [{ path: "/bin/sh", args: ["sh", "-c", wait] }] };
    });
    const args = ["--root", box.stateRoot, "create", "--bundle", box.bundleDir, box.id];
    const create = startRuntime(args);
    const hookPid = await until("the hook's pid", () => readPid(join(box.dir, "hook.pid")));

    box.do("delete", ["--force"]);

    expect(isAlive(create.pid)).toBe(false);
    killIfAlive(hookPid);
    expect(box.leftovers()).toEqual([]);
  });

  shows("runtime.md#errors", "init does not outlive a create that was killed", async () => {
    const box = container((config, { dir }) => {
      const wait = `cat >${dir}/state.json; echo $$ >${dir}/hook.pid; exec sleep 60`;
      config.hooks = { createRuntime: [{ path: "/bin/sh", args: ["sh", "-c", wait] }] };
    });

    const create = startRuntime([
      "--root",
      box.stateRoot,
      "create",
      "--bundle",
      box.bundleDir,
      box.id,
    ]);
    const hookPid = await until("the hook's pid", () => readPid(join(box.dir, "hook.pid")));
    const { pid } = JSON.parse(readFileSync(join(box.dir, "state.json"), "utf8")) as {
      pid: number;
    };
    create.kill("SIGKILL");
    await create.end();
    killIfAlive(hookPid);

    await until("init to end", () => !isAlive(pid));
  });

  shows(
    "runtime.md#errors",
    "neither init nor its hook outlives a create that was killed while the hook runs",
    async () => {
      const box = container((config, { dir }) => {
        // The host's procfs is still there, and so says the pid that the host knows.
        const wait = `read pid rest </proc/self/stat; echo $pid >${dir}/hook.pid; exec sleep 60`;
        config.hooks = { createContainer: [{ path: "/bin/sh", args: ["sh", "-c", wait] }] };
      });
      const args = ["--root", box.stateRoot, "create", "--bundle", box.bundleDir, box.id];
      const create = startRuntime(args);
      const hookPid = await until("the hook's pid", () => readPid(join(box.dir, "hook.pid")));
      const initPid = Number(statusField(hookPid, "PPid"));

      try {
        create.kill("SIGKILL");
        await until("create to end", () => !isAlive(create.pid));

        await until("both to end", () => !isAlive(hookPid) && !isAlive(initPid));
      } finally {
        for (const pid of [hookPid, initPid]) killIfAlive(pid);
      }
    },
  );

  shows(
    "runtime.md#state",
    "a container whose record is junk can be forced away and does not spoil list",
    () => {
      const box = container();
      box.do("create");
      const { pid } = box.state();
      killIfAlive(pid);
      writeFileSync(join(box.stateRoot, box.id, "state.json"), "{ junk");

      expect(callRuntime(["--root", box.stateRoot, "list"]).status).toBe(0);
      expect(box.attempt("state").status).toBe(1);
      box.do("delete", ["--force"]);

      // With the record its cgroup is forgotten, too.
      removeCgroups(box.cgroupPath);
      expect(existsSync(join(box.stateRoot, box.id))).toBe(false);
    },
  );
});

function startQuietly(args: readonly string[]): Promise<number> {
  const child = spawn(runtimePath, args, { stdio: "ignore", env: callerEnvironment() });
  return new Promise((resolve) => child.on("close", (status) => resolve(status ?? -1)));
}

function readPid(path: string): number | undefined {
  if (!existsSync(path)) return undefined;
  const pid = Number(readFileSync(path, "utf8").trim());
  return pid > 0 ? pid : undefined;
}

/** What the kernel does when pids wrap around, without waiting for it. */
function pretendInitIs(box: Container, pid: number): void {
  const path = join(box.stateRoot, box.id, "state.json");
  const record = JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
  expect(record.init_process_pid).toEqual(expect.any(Number));
  writeFileSync(path, JSON.stringify({ ...record, init_process_pid: pid }));
}
