import { mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { useBackground } from "../support/background";
import type { Container } from "../support/container";
import {
  cgroupDirs,
  freezeCgroup,
  hierarchies,
  isAlive,
  pidsIn,
  removeCgroups,
  unifiedDir,
} from "../support/host";
import { callRuntime, expectRefusal } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

/** Who is in a cgroup, and who of them may be signalled. */
rootSuite("cgroups: shared with others", () => {
  const container = useContainers();
  const { start } = useBackground();

  /** Starts the probe with two more processes, all of which stay. */
  function startThree(box: Container): number[] {
    box.probe("--fork", "--fork", "--spin");
    box.do("create");
    box.do("start");
    box.report();
    const [dir = ""] = cgroupDirs(box.config.linux.cgroupsPath ?? "");
    const pids = pidsIn(dir);
    expect(pids.length).toBeGreaterThanOrEqual(3);
    return pids;
  }

  function createWaiting(box: Container): number {
    box.probe("--wait");
    box.do("create");
    return box.state().pid;
  }

  /** A container in the pid namespace of another, in a cgroup that was there before. */
  function joinPidNamespace(): { readonly owner: number; readonly box: Container } {
    const owner = createWaiting(container());
    const box = container((config, { cgroupPath }) => {
      config.linux.cgroupsPath = `${cgroupPath}/mine`;
      config.linux.namespaces = config.linux.namespaces.map((namespace) =>
        namespace.type === "pid" ? { type: "pid", path: `/proc/${owner}/ns/pid` } : namespace,
      );
    });
    for (const { mountPoint } of hierarchies())
      mkdirSync(join(mountPoint, box.cgroupPath, "mine"), { recursive: true });
    return { owner, box };
  }

  shows("runtime.md#kill", "in a joined pid namespace all of the container's are killed", () => {
    const { owner, box } = joinPidNamespace();
    const pids = startThree(box);

    box.kill("KILL");
    box.waitUntilStopped();
    box.do("delete");

    expect(pids.filter(isAlive)).toEqual([]);
    expect(isAlive(owner)).toBe(true);
    removeCgroups(box.cgroupPath);
  });

  shows("runtime.md#delete", "in a joined pid namespace all of the container's end with it", () => {
    const { owner, box } = joinPidNamespace();
    const pids = startThree(box);

    box.do("delete", ["--force"]);

    expect(pids.filter(isAlive)).toEqual([]);
    expect(isAlive(owner)).toBe(true);
    removeCgroups(box.cgroupPath);
  });

  shows(
    "config-linux.md#cgroups-path",
    "a cgroup with somebody else further down is refused, and nobody killed",
    () => {
      const box = container((config) => {
        config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "pid");
      });
      const stranger = start("sleep", ["60"]);
      const joined = hierarchies().filter(({ mountPoint }) => basename(mountPoint) !== "cpuset");
      for (const { mountPoint } of joined) {
        const dir = join(mountPoint, box.cgroupPath, "service");
        mkdirSync(dir, { recursive: true });
        writeFileSync(join(dir, "cgroup.procs"), String(stranger.pid));
      }

      expectRefusal(box.attempt("create"), "container's cgroup is not empty");

      expect(isAlive(stranger.pid)).toBe(true);
      // Out of it again, so that it can be removed.
      for (const { mountPoint } of joined) {
        writeFileSync(join(mountPoint, "cgroup.procs"), String(stranger.pid));
        rmdirSync(join(mountPoint, box.cgroupPath, "service"));
        rmdirSync(join(mountPoint, box.cgroupPath));
      }
    },
  );

  shows("config-linux.md#cgroups-path", "the top of the hierarchies is refused", () => {
    for (const path of ["/", "//", "/.", "."]) {
      const box = container((config) => {
        config.linux.cgroupsPath = path;
      });

      expectRefusal(box.attempt("create"), "container's cgroup is not empty");

      expect(box.leftovers()).toEqual([]);
    }
  });

  shows(
    "runtime.md#delete",
    "a stopped container whose cgroup another one uses by now takes nobody along",
    () => {
      const first = container();
      createWaiting(first);
      first.kill("KILL");
      first.waitUntilStopped();
      const second = container((config) => {
        config.linux.cgroupsPath = first.cgroupPath;
      });
      const pid = createWaiting(second);

      const kill = callRuntime(["--root", first.stateRoot, "kill", "--all", first.id, "KILL"]);
      expect(kill.status).toBe(0);
      expectRefusal(first.attempt("delete"), "remove cgroup", String(pid));

      expect(isAlive(pid)).toBe(true);
      expect(second.state().status).toBe("created");
      second.do("delete", ["--force"]);
      first.do("delete");
      expect(first.leftovers()).toEqual([]);
    },
  );

  shows(
    "runtime.md#delete",
    "a threaded cgroup that the container made is removed with it",
    () => {
      const box = container();
      createWaiting(box);
      const threaded = join(unifiedDir(box.cgroupPath), "threaded");
      mkdirSync(threaded);
      writeFileSync(join(threaded, "cgroup.type"), "threaded");

      box.do("delete", ["--force"]);

      expect(box.leftovers()).toEqual([]);
    },
    ["cgroup v2"],
  );

  shows(
    "runtime.md#kill",
    "a frozen container that is killed ends",
    () => {
      const box = container();
      const pid = createWaiting(box);
      freezeCgroup(box.cgroupPath);
      expect(box.state().status).toBe("paused");

      expect(box.kill("KILL").status).toBe(0);

      box.waitUntilStopped();
      expect(isAlive(pid)).toBe(false);
    },
    ["freezer"],
  );
});
