import { existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { processOf } from "../support/config";
import type { Container } from "../support/container";
import { controllerDir, pidsIn } from "../support/host";
import { callRuntime, expectRefusal } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";
import { waitFor } from "../support/wait";

rootSuite("several containers, several processes", () => {
  const container = useContainers();

  /** Containers with these names in the state root of the first bundle. */
  function named(names: readonly string[]) {
    const boxes = names.map((name) => {
      const box = container();
      box.probe("--wait");
      return { name, box };
    });
    const root = boxes[0]?.box.stateRoot ?? "";
    const call = (...args: string[]) => callRuntime(["--root", root, ...args]);
    for (const { name, box } of boxes) {
      expect(call("run", "--detach", "--bundle", box.bundleDir, name).status).toBe(0);
    }
    const status = (name: string) => {
      const states = JSON.parse(call("list", "--format", "json").stdout) as
        | { id: string; status: string }[]
        | null;
      return states?.find(({ id }) => id === name)?.status;
    };
    return { call, status, root };
  }

  shows(
    "peers",
    "kill --all reaches processes besides init, in a pid namespace of its own too",
    () => {
      const box: Container = container((config) => {
        processOf(config).args = ["/bin/sh", "-c", "sleep 100 & exec sleep 101"];
      });
      box.addBusybox();
      box.do("create");
      box.do("start");
      const { dir } = controllerDir("pids", box.cgroupPath);
      waitFor("both processes", () => pidsIn(dir).length === 2);

      // Init has no handler for it, and the kernel spares an init that has none.
      box.do("kill", ["--all"]);

      waitFor("init to be alone", () => pidsIn(dir).length === 1);
      expect(box.state()).toMatchObject({ status: "running", pid: pidsIn(dir)[0] });
    },
    ["static busybox"],
  );

  shows("peers", "kill and delete take a regular expression for the ids", () => {
    const { call, status, root } = named(["web-1", "web-2", "db"]);

    mkdirSync(join(root, "@other"));

    expect(call("kill", "--regex", "^web-", "KILL")).toMatchObject({ status: 0, stderr: "" });
    waitFor("both to stop", () => ["web-1", "web-2"].every((name) => status(name) === "stopped"));
    expect(status("db")).toBe("running");

    // One that runs is refused, and the others are deleted all the same.
    expectRefusal(call("delete", "--regex", "web|db"), '"db"', "is not stopped: running");
    expect([status("web-1"), status("web-2"), status("db")]).toEqual([
      undefined,
      undefined,
      "running",
    ]);

    expect(call("delete", "--regex", "nobody")).toMatchObject({ status: 0, stderr: "" });
    expect(call("delete", "--regex", "(").stderr).toContain("is not a regular expression");
    expect(call("delete", "--force", "-r", ".*")).toMatchObject({ status: 0, stderr: "" });
    expect(call("list", "-q").stdout).toBe("");
    expect(existsSync(join(root, "@other"))).toBe(true);
    rmdirSync(join(root, "@other"));
  });

  shows("ours", "a record that is none hides no other container", () => {
    const { call, root } = named(["good"]);
    const junk = {
      cut: '{"id": "cut", "init_process_pid": 1',
      empty: "",
      null: "null",
      thin: '{"id": "thin", "init_process_pid": 1, "tsoci": null}',
      thinner: '{"id": "thinner", "init_process_pid": 1, "tsoci": {}}',
      hollow:
        '{"id": "hollow", "init_process_pid": 1, "cgroup_paths": {}, "config": {}, "tsoci": {}}',
    };
    for (const [name, text] of Object.entries(junk)) {
      mkdirSync(join(root, name));
      writeFileSync(join(root, name, "state.json"), text);
    }

    const { status, stdout, stderr } = call("list", "-q");

    expect(status).toBe(0);
    expect(stdout.split("\n")).toContain("good");
    for (const name of Object.keys(junk)) {
      expect(stderr).toContain(`load container ${name}: `);
      expect(stdout).not.toContain(name);
    }
    expect(call("delete", "--force", "--regex", ".").status).toBe(0);
    expect(call("list", "-q").stdout).toBe("");
  });
});
