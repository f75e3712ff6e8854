import { existsSync, mkdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { processOf } from "../support/config";
import { cgroupDirs, hierarchies, isAlive } from "../support/host";
import { expectRefusal } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";
import { waitFor } from "../support/wait";

rootSuite("operations", () => {
  const container = useContainers();

  shows("runtime.md#lifecycle", "a program runs from create over start to delete", () => {
    const box = container();

    box.do("create");
    expect(box.state().status).toBe("created");
    expect(box.output()).toBe("");
    box.do("start");
    expect(box.report().pid).toBe(1);
    box.waitUntilStopped();
    box.do("delete");

    expect(box.leftovers()).toEqual([]);
  });

  shows("runtime.md#create", "the program does not run before start", () => {
    const box = container();
    const shared = box.share("/shared");
    box.probe("--create", "/shared/ran");

    box.do("create");

    expect(existsSync(join(shared, "ran"))).toBe(false);
    box.do("start");
    box.report();
    expect(existsSync(join(shared, "ran"))).toBe(true);
  });

  shows("runtime.md#create", "changes of config.json after create have no effect", () => {
    const box = container((config) => {
      processOf(config).env = ["WHEN=create"];
    });
    box.do("create");

    processOf(box.config).env = ["WHEN=start"];
    processOf(box.config).args = ["/nothing"];
    box.writeConfig();
    box.do("start");

    expect(box.report().env).toContain("WHEN=create");
  });

  shows("runtime.md#create", "a bundle that is gone after create is not missed", () => {
    const box = container();
    box.do("create");

    box.writeConfig("{");
    box.do("start");

    expect(box.report().pid).toBe(1);
    box.waitUntilStopped();
    box.do("delete");
    expect(box.leftovers()).toEqual([]);
  });

  shows("runtime.md#create", "create without a process works, and start refuses", () => {
    const box = container((config) => {
      delete config.process;
    });

    box.do("create");

    expect(box.state().status).toBe("created");
    expectRefusal(box.attempt("start"));
    box.do("delete", ["--force"]);
    expect(box.leftovers()).toEqual([]);
  });

  shows("runtime.md#kill", "kill sends the signal that it names to the program", () => {
    const box = container();
    box.probe("--wait");
    box.do("create");
    box.do("start");
    box.report();

    expect(box.kill("USR1").status).toBe(0);

    box.waitUntilStopped();
    expect(box.output()).toContain('{"signal":10}');
  });

  shows("runtime.md#kill", "kill without a signal sends SIGTERM", () => {
    const box = container();
    box.probe("--wait");
    box.do("create");
    box.do("start");
    box.report();

    box.do("kill");

    box.waitUntilStopped();
    expect(box.output()).toContain('{"signal":15}');
  });

  shows("runtime.md#kill", "kill ends a container that is only created", () => {
    const box = container();
    box.do("create");
    const { pid } = box.state();

    expect(box.kill("KILL").status).toBe(0);

    box.waitUntilStopped();
    expect(isAlive(pid)).toBe(false);
    expect(box.state()).toMatchObject({ status: "stopped", pid: 0 });
  });

  shows("runtime.md#delete", "delete --force ends a running container and removes it", () => {
    const box = container();
    box.probe("--spin");
    box.do("create");
    box.do("start");
    box.report();
    const { pid } = box.state();

    box.do("delete", ["--force"]);

    expect(isAlive(pid)).toBe(false);
    expect(box.leftovers()).toEqual([]);
  });

  shows(
    "runtime.md#delete",
    "delete removes a container that is only created, as runc does",
    () => {
      const box = container();
      box.do("create");
      const { pid } = box.state();

      box.do("delete");

      expect(isAlive(pid)).toBe(false);
      expect(box.leftovers()).toEqual([]);
    },
  );

  shows(
    "runtime.md#delete",
    "delete ends what a container without its own pid namespace left",
    () => {
      const box = container((config) => {
        config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "pid");
      });
      box.probe("--fork", "--wait");
      box.do("create");
      box.do("start");
      box.report();
      box.kill("TERM");

      box.waitUntilStopped();
      box.do("delete");

      expect(box.leftovers()).toEqual([]);
    },
  );

  shows("peers", "kill KILL ends what a container without its own pid namespace left", () => {
    const box = container((config) => {
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "pid");
    });
    box.probe("--fork", "--wait");
    box.do("create");
    box.do("start");
    box.report();
    box.kill("TERM");
    box.waitUntilStopped();

    const first = box.kill("KILL");

    expect(first).toMatchObject({ status: 0, stderr: "" });
    waitFor("its processes to end", () => box.kill("KILL").status !== 0);
    expectRefusal(box.kill("KILL"), "container not running");
  });

  shows("runtime.md#delete", "an id may be used again after delete", () => {
    const box = container();
    box.do("run");

    expect(box.see().pid).toBe(1);
  });

  shows("runtime.md#delete", "a cgroup that was there before create is there after delete", () => {
    const box = container();
    for (const { mountPoint } of hierarchies()) {
      mkdirSync(join(mountPoint, box.cgroupPath, "other"), { recursive: true });
    }

    box.config.linux.cgroupsPath = `${box.cgroupPath}/inner`;
    box.writeConfig();
    box.do("run");

    expect(cgroupDirs(`${box.cgroupPath}/inner`)).toEqual([]);
    expect(cgroupDirs(`${box.cgroupPath}/other`)).toHaveLength(hierarchies().length);
    for (const dir of [...cgroupDirs(`${box.cgroupPath}/other`), ...cgroupDirs(box.cgroupPath)]) {
      rmdirSync(dir);
    }
  });

  shows("runtime.md#state", "the state of each status is shown", () => {
    const box = container((config) => {
      config.annotations = { "org.example.key": "value", "org.example.empty": "" };
    });
    box.probe("--wait");

    box.do("create");
    const created = box.state();
    expect(created).toMatchObject({
      ociVersion: expect.stringMatching(/^1\.\d+\.\d+/),
      id: box.id,
      status: "created",
      bundle: box.bundleDir,
      annotations: { "org.example.key": "value", "org.example.empty": "" },
    });
    expect(isAlive(created.pid)).toBe(true);

    box.do("start");
    box.report();
    expect(box.state()).toMatchObject({ status: "running", pid: created.pid });

    box.kill("KILL");
    box.waitUntilStopped();
    expect(box.state()).toMatchObject({ status: "stopped", pid: 0 });
  });

  shows("runtime.md#state", "a relative bundle is shown as an absolute path", () => {
    const box = container();

    box.do("create", ["--bundle", "bundle"], { cwd: box.dir });

    expect(box.state().bundle).toBe(box.bundleDir);
  });
});
