import { spawnSync } from "node:child_process";
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { processOf } from "../support/config";
import { callerEnvironment, patience, repositoryDir } from "../support/environment";
import { controllerDir } from "../support/host";
import { assertLibraryBuilt, runProgram } from "../support/library-program";
import type { Report } from "../support/report";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

rootSuite("library", () => {
  const container = useContainers();
  assertLibraryBuilt();

  shows("ours", "limits of a living container can be changed, and what is wrong is refused", () => {
    const box = container((config) => {
      config.linux.resources = { pids: { limit: 50 } };
    });
    box.probe("--wait");

    const said = runProgram(
      box,
      `
      runtime.create({ id, bundle });
      runtime.update(id, { pids: { limit: 7 }, memory: { limit: 67108864n } });
      say(await codeOf(() => runtime.update(id, { memory: { swappiness: 200 } })));
      say(await codeOf(() => runtime.update(id, { blockIO: { leafWeight: 10 } })));
      say(await codeOf(() => runtime.update("nobody", {})));
      `,
    );

    expect(said).toEqual(["CONFIG_INVALID", "CONFIG_UNSUPPORTED", "CONTAINER_UNKNOWN"]);
    const read = (controller: string, v1: string, v2: string) => {
      const { version, dir } = controllerDir(controller, box.cgroupPath);
      return readFileSync(join(dir, version === 1 ? v1 : v2), "utf8").trim();
    };
    expect(read("pids", "pids.max", "pids.max")).toBe("7");
    expect(read("memory", "memory.limit_in_bytes", "memory.max")).toBe("67108864");
  });

  shows(
    "ours",
    "a program creates, starts, waits for and deletes a container, its event loop alive",
    () => {
      const box = container();
      box.addBusybox();
      processOf(box.config).args = ["/bin/sh", "-c", "sleep 0.3; exit 7"];
      box.writeConfig();

      const said = runProgram(
        box,
        `
      runtime.create({ id, bundle });
      say(runtime.state(id).status);
      runtime.start(id);
      say(runtime.state(id).status);
      let ticks = 0;
      const timer = setInterval(() => { ticks += 1; }, 10);
      say(await runtime.wait(id));
      clearInterval(timer);
      say(ticks >= 5);
      say(runtime.state(id).status);
      say(runtime.list().map((state) => state.id));
      runtime.delete(id);
      say(runtime.list());
    `,
      );

      expect(said).toEqual([
        "created",
        "running",
        { status: 7, signal: 0 },
        true,
        "stopped",
        [box.id],
        [],
      ]);
      expect(box.leftovers()).toEqual([]);
    },
    ["static busybox"],
  );

  shows("ours", "more containers can be waited for than the engine has threads", () => {
    const box = container();
    box.probe("--quiet", "--spin");

    const said = runProgram(
      box,
      `
      const { readFile } = await import("node:fs/promises");
      runtime.run({ id, bundle });
      const ends = Array.from({ length: 12 }, () => runtime.wait(id));
      say((await readFile("/proc/version", "utf8")).startsWith("Linux"));
      runtime.kill(id, "SIGKILL");
      say(await Promise.all(ends));
      runtime.delete(id);
    `,
    );

    expect(said).toEqual([true, Array.from({ length: 12 }, () => ({ status: 0, signal: 9 }))]);
  });

  shows("ours", "a wait with a time limit ends with it, and a second one goes on", () => {
    const box = container();
    box.probe("--quiet", "--spin");

    const said = runProgram(
      box,
      `
      runtime.run({ id, bundle });
      say((await runtime.wait(id, { timeoutMs: 20 })) ?? "still running");
      say(runtime.waitSync(id, { timeoutMs: 20 }) ?? "still running");
      runtime.kill(id, 9);
      say(runtime.waitSync(id));
      say(await runtime.wait(id, { timeoutMs: 0 }));
      runtime.delete(id);
    `,
    );

    const killed = { status: 0, signal: 9 };
    expect(said).toEqual(["still running", "still running", killed, killed]);
  });

  shows("ours", "a container of another process is waited for, without its exit status", () => {
    const box = container();
    box.probe("--quiet", "--spin");
    box.do("run", ["--detach"]);

    const said = runProgram(
      box,
      `
      const end = runtime.wait(id);
      runtime.kill(id, "KILL");
      const { status, signal } = await end;
      say([status === undefined, signal === undefined]);
      say(runtime.state(id).status);
    `,
    );

    expect(said).toEqual([[true, true], "stopped"]);
    box.do("delete");
  });

  shows(
    "ours",
    "delete by force collects the container, and a wait that is under way hears of it",
    () => {
      const box = container();
      box.probe("--quiet", "--spin");

      const said = runProgram(
        box,
        `
      const { readdirSync, readFileSync } = await import("node:fs");
      runtime.run({ id, bundle });
      const end = runtime.wait(id);
      runtime.delete(id, { force: true });
      say(await end);
      const children = readFileSync("/proc/self/task/" + process.pid + "/children", "utf8");
      say(children);
    `,
      );

      expect(said).toEqual([{ status: 0, signal: 9 }, ""]);
      expect(box.leftovers()).toEqual([]);
    },
  );

  shows(
    "ours",
    "a container is paused and resumed, and its processes are listed",
    () => {
      const box = container();
      box.probe("--quiet", "--fork", "--spin");

      const said = runProgram(
        box,
        `
      runtime.run({ id, bundle });
      const { pid } = runtime.state(id);
      runtime.pause(id);
      say(runtime.state(id).status);
      say(await codeOf(() => runtime.pause(id)));
      runtime.resume(id);
      say(runtime.state(id).status);
      say(await codeOf(() => runtime.resume(id)));
      say(runtime.processes(id).includes(pid));
      runtime.delete(id, { force: true });
    `,
      );

      const refused = "CONTAINER_WRONG_STATUS";
      expect(said).toEqual(["paused", refused, "running", refused, true]);
    },
    ["freezer"],
  );

  shows("ours", "every failure has a code", () => {
    const box = container((config, { rootfsDir }) => {
      // A program that can only fail at its execve.
      processOf(config).args = ["/script"];
      writeFileSync(join(rootfsDir, "script"), "#!/no/interpreter\n", { mode: 0o755 });
    });

    const said = runProgram(
      box,
      `
      say(await codeOf(() => runtime.state("nobody")));
      say(await codeOf(() => runtime.wait("nobody")));
      say(await codeOf(() => runtime.delete("nobody")));
      say(await codeOf(() => runtime.delete("nobody", { force: true })));
      say(await codeOf(() => runtime.state("../etc")));
      say(await codeOf(() => runtime.create({ id, bundle: "/no/such/bundle" })));
      runtime.create({ id, bundle });
      say(await codeOf(() => runtime.create({ id, bundle })));
      say(await codeOf(() => runtime.kill(id, "NOSUCH")));
      say(await codeOf(() => runtime.wait(id, { timeoutMs: -2 })));
      say(await codeOf(() => runtime.start(id)));
      say(await codeOf(() => runtime.start(id)));
      runtime.delete(id);
      say(await codeOf(() => runtime.run({ id, bundle })));
      say(runtime.list());
      say(await codeOf(() => new Runtime({ root: "/" })));
      say(Object.keys(errorCodes).includes("ID_TAKEN"));
    `,
    );

    expect(said).toEqual([
      "CONTAINER_UNKNOWN",
      "CONTAINER_UNKNOWN",
      "CONTAINER_UNKNOWN",
      "no error",
      "ID_INVALID",
      "BUNDLE_UNREADABLE",
      "ID_TAKEN",
      "USAGE",
      "USAGE",
      "PROGRAM_FAILED",
      "CONTAINER_WRONG_STATUS",
      "PROGRAM_FAILED",
      [],
      "USAGE",
      true,
    ]);
    expect(box.leftovers()).toEqual([]);
  });

  shows("ours", "validate and explain say what the commands say", () => {
    const box = container();

    const said = runProgram(
      box,
      `
      const { readFileSync, writeFileSync } = await import("node:fs");
      say(runtime.validate(bundle).valid);
      say(runtime.explain(bundle).steps.some(({ property }) => property === "/process/args"));
      const file = bundle + "/config.json";
      writeFileSync(file, readFileSync(file, "utf8").replace('"cwd": "/"', '"cwd": "tmp"'));
      const { valid, issues } = runtime.validate(bundle);
      say([valid, issues.map(({ pointer }) => pointer)]);
      say(parseConfig(readFileSync(file)).ok);
      say(await codeOf(() => runtime.create({ id, bundle })));
    `,
    );

    expect(said).toEqual([true, true, [false, ["/process/cwd"]], false, "CONFIG_INVALID"]);
  });

  shows("ours", "what a service manager gave the program stays with the program", () => {
    const box = container();
    const env = { NOTIFY_SOCKET: join(box.dir, "nobody-listens"), LISTEN_FDS: "3" };

    const said = runProgram(
      box,
      `
      runtime.run({ id, bundle });
      await runtime.wait(id);
      runtime.delete(id);
      say(warnings);
    `,
      { env },
    );

    const [report, warnings] = said as [Report, string[]];
    expect(report.env.filter((entry) => /^(NOTIFY|LISTEN)_/.test(entry))).toEqual([]);
    expect(report.fds.map(({ fd }) => fd)).toEqual([0, 1, 2]);
    expect(warnings).toEqual([]);
  });

  shows(
    "ours",
    "preserveFds gives what the program was started with, and nothing of the engine's",
    () => {
      const box = container();
      const file = join(box.dir, "given");
      writeFileSync(file, "");
      const given = openSync(file, "r");

      const said = runProgram(
        box,
        `
      say(await codeOf(() => runtime.create({ id, bundle, preserveFds: 2 })));
      say(await codeOf(() => runtime.create({ id, bundle, preserveFds: -1 })));
      runtime.run({ id, bundle, preserveFds: 1 });
      await runtime.wait(id);
      runtime.delete(id);
    `,
        { fds: [given] },
      );
      closeSync(given);

      const [tooMany, negative, report] = said as [string, string, Report];
      expect([tooMany, negative]).toEqual(["USAGE", "USAGE"]);
      expect(report.fds.map(({ fd }) => fd)).toEqual([0, 1, 2, 3]);
      expect(report.fds[3]?.target).toBe(file);
      expect(box.leftovers()).toEqual([]);
    },
  );

  shows(
    "ours",
    "the example of the documentation runs",
    () => {
      const box = container();
      box.addBusybox();
      processOf(box.config).args = ["/bin/sh", "-c", "sleep 0.1; exit 3"];
      box.writeConfig();
      const example = join(repositoryDir, "examples/library.mjs");

      const outcome = spawnSync(process.execPath, [example, box.bundleDir, box.stateRoot], {
        env: callerEnvironment(),
        encoding: "utf8",
        timeout: 20_000 * patience,
      });

      expect(outcome).toMatchObject({ status: 0, stderr: "" });
      expect(outcome.stdout).toContain("is created\n");
      expect(outcome.stdout).toContain("ended with status 3, signal 0\n");
      expect(outcome.stdout).toContain("went off too\n");
      expect(box.leftovers()).toEqual([]);
    },
    ["static busybox"],
  );
});
