import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Background, until, useBackground } from "../support/background";
import { processOf, withUserNamespace } from "../support/config";
import type { Container } from "../support/container";
import { callerEnvironment, notifyTool, runtimePath } from "../support/environment";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

rootSuite("process: what a service manager hears", () => {
  const container = useContainers();
  const { start } = useBackground();

  interface Manager {
    readonly heard: () => string[];
    readonly hears: (count: number) => Promise<string[]>;
    readonly env: NodeJS.ProcessEnv;
    readonly end: () => Promise<unknown>;
  }

  /** A service manager that listens; the barrier is the last that it hears. */
  async function manage(box: Container, name = join(box.dir, "notify.sock")): Promise<Manager> {
    const tool: Background = start(notifyTool, [name]);
    await tool.until("the manager to listen", (text) => text.startsWith("listening\n"));
    const heard = () =>
      tool.stdout
        .split("\n")
        .slice(1, -1)
        .map((line) => line.trim());
    return {
      heard,
      hears: (count) =>
        until(`${count} messages`, () => (heard().length >= count ? heard() : undefined)),
      env: { ...callerEnvironment(), NOTIFY_SOCKET: name },
      end: () => {
        tool.kill("SIGKILL");
        return tool.end();
      },
    };
  }

  /** `run`, without --detach and beside the test, by way of env(1). */
  function runBeside(
    box: Container,
    { env }: Manager,
    command = ["run", "--bundle", box.bundleDir],
  ) {
    const variable = `NOTIFY_SOCKET=${env.NOTIFY_SOCKET}`;
    return start("env", [variable, runtimePath, "--root", box.stateRoot, ...command, box.id]);
  }

  shows(
    "ours",
    "in the foreground the process to watch is the runtime's, which forwards signals all the while",
    async () => {
      const box = container();
      box.probe("--notify", "READY=1", "--wait");
      const manager = await manage(box);

      const run = runBeside(box, manager);

      expect(await manager.hears(3)).toEqual(["READY=1", `MAINPID=${run.pid}`, "BARRIER=1"]);
      await run.until("the report", (text) => text.includes("\n"));
      run.kill("SIGTERM");
      expect(await run.end()).toMatchObject({ status: 128 + 15 });
      expect(manager.heard()).toHaveLength(3);
      expect(box.leftovers()).toEqual([]);
    },
  );

  shows("ours", "a program that ends right after it was ready has been ready", async () => {
    const box = container();
    box.probe("--quiet", "--notify", "READY=1");
    const manager = await manage(box);

    expect(box.do("run", [], { env: manager.env }).stderr).toBe("");

    expect(await manager.hears(3)).toEqual([
      "READY=1",
      expect.stringMatching(/^MAINPID=\d+$/),
      "BARRIER=1",
    ]);
    expect(box.leftovers()).toEqual([]);
  });

  shows(
    "ours",
    "run --detach returns when the program is ready, and names it",
    async () => {
      const box = container();
      box.addBusybox();
      processOf(box.config).args = [
        "/bin/sh",
        "-c",
        "sleep 0.3; exec /probe --quiet --notify READY=1 --spin",
      ];
      box.writeConfig();
      const manager = await manage(box);

      const begin = Date.now();
      box.do("run", ["--detach"], { env: manager.env });

      expect(Date.now() - begin).toBeGreaterThanOrEqual(300);
      const { pid } = box.state();
      expect(await manager.hears(3)).toEqual(["READY=1", `MAINPID=${pid}`, "BARRIER=1"]);
    },
    ["static busybox"],
  );

  shows("ours", "a container can say that it is ready, and nothing else", async () => {
    const box = container();
    box.probe(
      "--quiet",
      "--notify",
      "MAINPID=1",
      "--notify",
      "READY=10",
      "--notify",
      "STATUS=x\nREADY=1\nMAINPID=1",
      "--notify",
      "READY=1",
      "--notify",
      "STOPPING=1",
      "--spin",
    );
    const manager = await manage(box);

    const pidFile = join(box.dir, "pid");

    box.do("run", ["--detach", "--pid-file", pidFile], { env: manager.env });

    // Not from the state: the probe ends if it comes to its last message when nobody listens any more.
    const pid = readFileSync(pidFile, "utf8");
    expect(await manager.hears(3)).toEqual(["READY=1", `MAINPID=${pid}`, "BARRIER=1"]);
  });

  shows(
    "ours",
    "a user of a user namespace reaches the socket, whatever the caller's umask is",
    async () => {
      const box = container((config, { rootfsDir }) => {
        withUserNamespace(config);
        processOf(config).user = { uid: 1000, gid: 1000 };
        mkdirSync(join(rootfsDir, "run/notify"), { recursive: true });
      });
      box.probe("--quiet", "--notify", "READY=1", "--create", "/run/notify/x", "--spin");
      const manager = await manage(box);

      box.do("run", ["--detach"], {
        env: manager.env,
        through: ["sh", "-c", 'umask 0777; exec "$0" "$@"'],
      });

      expect(await manager.hears(3)).toContain(`MAINPID=${box.state().pid}`);
    },
    ["user namespaces"],
  );

  shows("ours", "the container cannot write beside its socket", () => {
    const box = container();
    box.probe("--create", "/run/notify/x", "--list", "/run/notify");
    const env = { ...callerEnvironment(), NOTIFY_SOCKET: join(box.dir, "nobody") };

    const { tries, mounts } = box.see([], { env });

    expect(tries).toMatchObject([{ error: "EROFS" }, { entries: [] }]);
    const mount = mounts.find(({ target }) => target === "/run/notify");
    expect(mount?.options.split(",")).toEqual(
      expect.arrayContaining(["ro", "nosuid", "nodev", "noexec"]),
    );
  });

  shows("ours", "a manager that is not there is warned about, and changes nothing", () => {
    const box = container();
    box.probe("--quiet", "--exit", "5");
    const env = { ...callerEnvironment(), NOTIFY_SOCKET: join(box.dir, "nobody") };

    const outcome = box.attempt("run", [], { env });

    expect(outcome.status).toBe(5);
    expect(outcome.stderr).toMatch(/service manager.*nobody.*\(ENOENT\)/);
  });

  shows(
    "ours",
    "start that waits for the program does not keep delete from ending it",
    async () => {
      const box = container();
      box.probe("--quiet", "--spin");
      const manager = await manage(box);
      box.do("create", [], { env: manager.env });

      const starting = runBeside(box, manager, ["start"]);
      await until("the program", () => box.state().status === "running" || undefined);
      await until("the socket", () =>
        existsSync(join(box.stateRoot, box.id, "notify/notify.sock")),
      );
      box.do("delete", ["--force"]);

      expect(await starting.end()).toMatchObject({ status: 0 });
      expect(manager.heard()).toEqual([]);
      expect(box.leftovers()).toEqual([]);
    },
  );

  shows(
    "ours",
    "a manager that goes away is warned about when the container has ended",
    async () => {
      const box = container();
      box.addBusybox();
      const shared = box.share("/shared");
      const script =
        "until [ -e /shared/go ]; do busybox usleep 5000; done; exec /probe --quiet --notify READY=1 --exit 6";
      processOf(box.config).args = ["/bin/sh", "-c", script];
      box.writeConfig();
      const manager = await manage(box);

      const run = runBeside(box, manager);
      await until(
        "the program",
        () => existsSync(box.stateRoot) && box.attempt("state").stdout.includes('"running"'),
      );
      await manager.end();
      writeFileSync(join(shared, "go"), "");

      expect(await run.end()).toMatchObject({ status: 6 });
      expect(run.stderr).toMatch(/service manager.*READY=1: send: .*\(ECONNREFUSED\)/);
      expect(box.leftovers()).toEqual([]);
    },
    ["static busybox"],
  );

  shows("ours", "a manager may have an abstract name", async () => {
    const box = container();
    box.probe("--quiet", "--notify", "READY=1", "--spin");
    const manager = await manage(box, `@notify-of-${box.id}`);

    box.do("run", ["--detach"], { env: manager.env });

    expect(await manager.hears(3)).toContain(`MAINPID=${box.state().pid}`);
  });

  shows(
    "ours",
    "start without a manager is as ever, for a container that was created with one",
    async () => {
      const box = container();
      const manager = await manage(box);
      box.do("create", [], { env: manager.env });

      box.do("start");

      expect(box.report().env).toContain("NOTIFY_SOCKET=/run/notify/notify.sock");
      box.waitUntilStopped();
      box.do("delete");
      expect(box.leftovers()).toEqual([]);
    },
  );
});
