import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { processOf } from "../support/config";
import { assertLibraryBuilt, runProgram } from "../support/library-program";
import { capabilityMask, type Report } from "../support/report";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

rootSuite("library: further processes", () => {
  const container = useContainers();
  assertLibraryBuilt();

  shows("ours", "exec returns while the process runs, and its end is a promise", () => {
    const box = container();
    box.runWaiting();

    const said = runProgram(
      box,
      `
      const { readFileSync } = await import("node:fs");
      const spinning = runtime.exec(id, { args: ["/probe", "--quiet", "--spin"] });
      say(readFileSync("/proc/" + spinning.pid + "/comm", "utf8"));
      say((await spinning.wait({ timeoutMs: 20 })) ?? "still running");
      let ticks = 0;
      const timer = setInterval(() => { ticks += 1; if (ticks === 5) spinning.kill("KILL"); }, 5);
      say(await Promise.all([spinning.wait(), spinning.wait()]));
      clearInterval(timer);
      say(await spinning.wait({ timeoutMs: 0 }));
      spinning.kill("KILL");
      const ending = runtime.exec(id, { args: ["/probe", "--quiet", "--exit", "42"] });
      say(await ending.wait());
      say(readFileSync("/proc/self/task/" + process.pid + "/children", "utf8"));
      say(runtime.state(id).status);
    `,
    );

    const killed = { status: 0, signal: 9 };
    expect(said).toEqual([
      "probe\n",
      "still running",
      [killed, killed],
      killed,
      { status: 42, signal: 0 },
      "",
      "running",
    ]);
  });

  shows("ours", "many can be waited for at once", () => {
    const box = container();
    box.runWaiting();

    const said = runProgram(
      box,
      `
      const started = Array.from({ length: 12 }, (_, index) =>
        runtime.exec(id, { args: ["/probe", "--quiet", "--exit", String(index)] }));
      say((await Promise.all(started.map((one) => one.wait()))).map(({ status }) => status));
      say(new Set(started.map(({ pid }) => pid)).size);
    `,
    );

    expect(said).toEqual([Array.from({ length: 12 }, (_, index) => index), 12]);
  });

  shows("ours", "it is the container's own process, but for what is said", () => {
    const box = container((config) => {
      processOf(config).env = ["PATH=/", "OWN=1"];
      processOf(config).user = { uid: 1, gid: 2, additionalGids: [3] };
    });
    box.runWaiting();

    const [seen] = runProgram(
      box,
      `
      await runtime.exec(id, {
        args: ["/probe"],
        env: ["MORE=2"],
        cwd: "/tmp",
        user: { uid: 1000 },
        additionalGids: [7],
        capabilities: ["CAP_CHOWN"],
        noNewPrivileges: true,
      }).wait();
    `,
    ) as [Report];

    expect(seen).toMatchObject({
      cwd: "/tmp",
      uids: [1000, 1000, 1000, 1000],
      gids: [2, 2, 2, 2],
      groups: [3, 7],
      env: expect.arrayContaining(["OWN=1", "MORE=2", "HOME=/"]),
      noNewPrivileges: true,
    });
    expect(seen.capabilities.bounding).toBe(capabilityMask([0, 5, 10, 29]));
    expect(seen.fds.map(({ fd }) => fd)).toEqual([0, 1, 2]);
  });

  shows("ours", "a whole process may be given, with numbers of any size", () => {
    const box = container();
    box.runWaiting();

    const [seen] = runProgram(
      box,
      `
      const rlimits = [{ type: "RLIMIT_CORE", soft: 9007199254740993n, hard: 9223372036854775809n }];
      const whole = { args: ["/probe"], cwd: "/etc", user: { uid: 5, gid: 6, umask: 0o77 }, rlimits };
      await runtime.exec(id, { process: whole }).wait();
    `,
    ) as [Report];

    expect(seen).toMatchObject({ cwd: "/etc", uids: [5, 5, 5, 5], umask: 0o077, args: ["/probe"] });
    expect(seen.rlimits.RLIMIT_CORE).toEqual(["9007199254740993", "9223372036854775809"]);
  });

  shows("ours", "the pid file counts from the program's working directory", () => {
    const box = container();
    box.runWaiting();

    const [pid] = runProgram(
      box,
      `
      const started = runtime.exec(id, { args: ["/probe", "--quiet"], pidFile: "exec.pid" });
      await started.wait();
      say(started.pid);
    `,
    );

    expect(readFileSync(join(box.dir, "program/exec.pid"), "utf8")).toBe(String(pid));
  });

  shows("ours", "every failure has a code, and nothing of it is left", () => {
    const box = container();
    const shared = box.share("/shared");
    box.runWaiting();

    const said = runProgram(
      box,
      `
      const { readFileSync } = await import("node:fs");
      const attempt = (options, name = id) => codeOf(() => runtime.exec(name, options));
      const ok = ["/probe", "--quiet", "--create", "/shared/ran"];
      say([
        await attempt({ args: ok }, "nobody"),
        await attempt({ args: ok }, "../etc"),
        await attempt({ args: ["/no/such/program"] }),
        await attempt({ args: [] }),
        await attempt({}),
        await attempt({ args: "sh" }),
        await attempt({ args: ok, cwd: "tmp" }),
        await attempt({ args: ok, user: { uid: -1 } }),
        await attempt({ args: ok, user: { uid: "0" } }),
        await attempt({ args: ok, preserveFds: -1 }),
        await attempt({ args: ok, cgroups: [{ path: ".." }] }),
        await attempt({ args: ok, cgroups: [{ path: "nowhere" }] }),
        await attempt({ args: ok, terminal: true }),
        await attempt({ process: { args: ok, cwd: "/", user: { uid: 0, gid: 0 }, rlimits: [{}] } }),
        await attempt({ process: null }),
        await attempt({ args: ok, pidFile: "/no/such/dir/pid" }),
      ]);
      say(readFileSync("/proc/self/task/" + process.pid + "/children", "utf8"));
      runtime.kill(id, "KILL");
      await runtime.wait(id);
      say(await attempt({ args: ok }));
    `,
    );

    expect(said).toEqual([
      [
        "CONTAINER_UNKNOWN",
        "ID_INVALID",
        "PROGRAM_FAILED",
        ...Array(6).fill("CONFIG_INVALID"),
        "USAGE",
        "USAGE",
        "CGROUP_FAILED",
        "USAGE",
        "CONFIG_INVALID",
        "CONFIG_INVALID",
        "HOST_FAILED",
      ],
      "",
      "CONTAINER_WRONG_STATUS",
    ]);
    expect(readdirSync(shared)).toEqual([]);
    expect(existsSync(join(box.dir, "program/exec.pid"))).toBe(false);
  });
});
