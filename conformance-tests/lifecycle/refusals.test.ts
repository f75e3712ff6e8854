import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isAlive, killIfAlive } from "../support/host";
import { callRuntime, expectRefusal } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

rootSuite("operations that are refused", () => {
  const container = useContainers();

  for (const command of ["state", "start", "kill", "delete"]) {
    shows(`runtime.md#${command}`, `${command} refuses a container that does not exist`, () => {
      const box = container();
      const args = command === "kill" ? ["KILL"] : [];

      const outcome = callRuntime(["--root", box.stateRoot, command, "nobody", ...args]);

      expectRefusal(outcome, "container does not exist");
    });
  }

  for (const command of ["create", "run", "state", "start", "kill", "delete"]) {
    shows(`runtime.md#${command}`, `${command} refuses to go without an id`, () => {
      const box = container();

      const outcome = callRuntime(["--root", box.stateRoot, command], { cwd: box.bundleDir });

      expect(outcome.status).not.toBe(0);
      expect(box.leftovers()).toEqual([]);
    });
  }

  shows(
    "runtime.md#delete",
    "delete --force of a container that does not exist is no error",
    () => {
      const box = container();

      const outcome = callRuntime(["--root", box.stateRoot, "delete", "--force", "nobody"]);

      expect(outcome).toMatchObject({ status: 0, stderr: "" });
    },
  );

  shows("runtime.md#create", "an id that is taken is refused, and its container left alone", () => {
    const box = container();
    box.do("create");
    const before = box.state();

    const outcome = callRuntime([
      "--root",
      box.stateRoot,
      "create",
      "--bundle",
      box.bundleDir,
      box.id,
    ]);

    expectRefusal(outcome, "container with given ID already exists");
    expect(box.state()).toEqual(before);
    box.do("start");
    expect(box.report().pid).toBe(1);
  });

  for (const id of [".", "..", "a/b", "a b", "a\nb", "ü", "a:b", "", "../up"]) {
    shows("runtime.md#create", `the id ${JSON.stringify(id)} is refused`, () => {
      const box = container();

      const outcome = callRuntime([
        "--root",
        box.stateRoot,
        "create",
        "--bundle",
        box.bundleDir,
        "--",
        id,
      ]);

      expectRefusal(outcome);
      expect(box.leftovers()).toEqual([]);
    });
  }

  shows("runtime.md#start", "start refuses a container that runs, and leaves it running", () => {
    const box = container();
    box.probe("--wait");
    box.do("create");
    box.do("start");
    box.report();
    const { pid } = box.state();

    expectRefusal(box.attempt("start"), "cannot start an already running container");

    expect(box.state()).toMatchObject({ status: "running", pid });
  });

  shows("runtime.md#start", "start refuses a container that has stopped", () => {
    const box = container();
    box.do("create");
    box.do("start");
    box.waitUntilStopped();

    expectRefusal(box.attempt("start"), "cannot start a container that has stopped");

    expect(box.state().status).toBe("stopped");
  });

  shows("runtime.md#start", "start refuses a created container whose init was killed", () => {
    const box = container();
    box.do("create");
    killIfAlive(box.state().pid);
    box.waitUntilStopped();

    expectRefusal(box.attempt("start"), "cannot start a container that has stopped");
  });

  shows("runtime.md#kill", "kill refuses a container that has stopped", () => {
    const box = container();
    box.do("create");
    box.do("start");
    box.waitUntilStopped();

    expectRefusal(box.kill("KILL"), "container not running");
  });

  shows("runtime.md#kill", "kill refuses a signal that there is not", () => {
    const box = container();
    box.probe("--wait");
    box.do("create");

    for (const signal of ["NOSUCH", "SIG", "-1", "65536", "9x", ""]) {
      expectRefusal(box.kill(signal), "signal");
    }

    expect(box.state().status).toBe("created");
  });

  shows("runtime.md#delete", "delete refuses a running container, and leaves it running", () => {
    const box = container();
    box.probe("--wait");
    box.do("create");
    box.do("start");
    box.report();
    const { pid } = box.state();

    expectRefusal(box.attempt("delete"), `${box.id} that is not stopped: running`);

    expect(isAlive(pid)).toBe(true);
    expect(box.state()).toMatchObject({ status: "running", pid });
  });

  shows("bundle.md#container-format", "a bundle without config.json is refused", () => {
    const box = container();
    rmSync(join(box.bundleDir, "config.json"));

    expectRefusal(box.attempt("create"), "config.json");

    expect(box.leftovers()).toEqual([]);
  });

  shows("bundle.md#container-format", "a bundle that is not there is refused", () => {
    const box = container();
    rmSync(box.bundleDir, { recursive: true });

    expectRefusal(box.attempt("create"), box.bundleDir);

    expect(box.leftovers()).toEqual([]);
  });

  shows("config.md#root", "a root.path that is not there is refused", () => {
    const box = container((config) => {
      config.root = { path: "nowhere" };
    });

    expectRefusal(box.attempt("create"), "nowhere");

    expect(box.leftovers()).toEqual([]);
  });

  shows("config.md#root", "a root.path that is a file is refused", () => {
    const box = container((config) => {
      config.root = { path: "file" };
    });
    writeFileSync(join(box.bundleDir, "file"), "");

    expectRefusal(box.attempt("create"));

    expect(box.leftovers()).toEqual([]);
  });

  shows("config.md#root", "a config without root is refused", () => {
    const box = container((config) => {
      delete config.root;
    });

    expectRefusal(box.attempt("create"), "root");

    expect(box.leftovers()).toEqual([]);
  });
});
