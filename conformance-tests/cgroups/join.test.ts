import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { useBackground } from "../support/background";
import type { Container } from "../support/container";
import {
  cgroupDirs,
  freezeCgroup,
  hierarchies,
  isAlive,
  pidsIn,
  readProcFile,
  removeCgroups,
} from "../support/host";
import { expectRefusal } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

const clause = "config-linux.md#cgroups-path";

/** The paths of a process's cgroups, without the hierarchies that are not mounted. */
function cgroupPathsOf(pid: number): string[] {
  const mounted = hierarchies();
  return (readProcFile(pid, "cgroup") ?? "")
    .split("\n")
    .filter(Boolean)
    .map((line) => line.split(":"))
    .filter(([, names = ""]) =>
      mounted.some(({ version, controllers }) =>
        names === "" ? version === 2 : controllers.includes(names.split(",")[0] ?? ""),
      ),
    )
    .map((words) => words.slice(2).join(":"));
}

function createWaiting(box: Container): number {
  box.probe("--wait");
  box.do("create");
  return box.state().pid;
}

rootSuite("cgroups: joining", () => {
  const container = useContainers();
  const { start } = useBackground();

  shows(clause, "the container is in its cgroup in every hierarchy", () => {
    const box = container();

    const paths = cgroupPathsOf(createWaiting(box));

    expect(new Set(paths)).toEqual(new Set([box.cgroupPath]));
    expect(paths).toHaveLength(hierarchies().length);
    expect(cgroupDirs(box.cgroupPath)).toHaveLength(hierarchies().length);
  });

  shows(clause, "directories on the way to the cgroup are made, and go with it", () => {
    const box = container((config, { cgroupPath }) => {
      config.linux.cgroupsPath = `${cgroupPath}/some/where/deep`;
    });

    expect(new Set(cgroupPathsOf(createWaiting(box)))).toEqual(
      new Set([`${box.cgroupPath}/some/where/deep`]),
    );
    box.do("delete", ["--force"]);

    expect(box.leftovers()).toEqual([]);
  });

  shows(clause, "a relative path starts from the top, not below the caller's cgroup", () => {
    const box = container((config, { cgroupPath }) => {
      config.linux.cgroupsPath = `${cgroupPath.slice(1)}/relative`;
    });
    box.probe("--wait");

    box.do("create", [], { through: inCallersCgroup(box) });

    expect(new Set(cgroupPathsOf(box.state().pid))).toEqual(
      new Set([`${box.cgroupPath}/relative`]),
    );
    box.do("delete", ["--force"]);
    removeCgroups(box.cgroupPath);
  });

  shows(
    clause,
    "without a path the cgroup is named after the container, and not below the caller's",
    () => {
      const box = container((config) => {
        delete config.linux.cgroupsPath;
      });
      box.probe("--wait");

      box.do("create", [], { through: inCallersCgroup(box) });
      const paths = cgroupPathsOf(box.state().pid);
      box.do("delete", ["--force"]);
      removeCgroups(box.cgroupPath);

      for (const path of paths) {
        expect(basename(path)).toBe(box.id);
        expect(path).not.toContain("caller");
        expect(cgroupDirs(path)).toEqual([]);
      }
    },
  );

  shows(clause, "a path with .. stays inside the hierarchies", () => {
    for (const climb of ["/../../../../../../../..", "../../../../../../../.."]) {
      const box = container((config, { cgroupPath }) => {
        config.linux.cgroupsPath = `${climb}${cgroupPath}`;
      });

      const outcome = box.attempt("run");

      if (outcome.status !== 0) expectRefusal(outcome, "cgroupsPath");
      expect(box.leftovers()).toEqual([]);
      expect(() => readFileSync(box.cgroupPath)).toThrow("ENOENT");
    }
  });

  shows(clause, "an empty cgroup that is there is joined, and left there", () => {
    const box = container((config, { cgroupPath }) => {
      config.linux.cgroupsPath = `${cgroupPath}/mine`;
    });
    for (const { mountPoint } of hierarchies())
      mkdirSync(join(mountPoint, box.cgroupPath, "mine"), { recursive: true });

    expect(new Set(cgroupPathsOf(createWaiting(box)))).toEqual(new Set([`${box.cgroupPath}/mine`]));
    box.do("delete", ["--force"]);

    expect(cgroupDirs(`${box.cgroupPath}/mine`)).toHaveLength(hierarchies().length);
    removeCgroups(box.cgroupPath);
  });

  shows(clause, "a cgroup with somebody else in it is refused, and nobody killed", () => {
    const box = container();
    const stranger = start("sleep", ["60"]);
    for (const { mountPoint } of hierarchies()) {
      const dir = join(mountPoint, box.cgroupPath);
      mkdirSync(dir);
      if (!mountPoint.endsWith("cpuset"))
        writeFileSync(join(dir, "cgroup.procs"), String(stranger.pid));
    }

    expectRefusal(box.attempt("create"), "container's cgroup is not empty");

    box.do("delete", ["--force"]);
    expect(isAlive(stranger.pid)).toBe(true);
    // Out of it again, so that it can be removed.
    for (const { mountPoint } of hierarchies()) {
      if (!mountPoint.endsWith("cpuset"))
        writeFileSync(join(mountPoint, "cgroup.procs"), String(stranger.pid));
      rmdirSync(join(mountPoint, box.cgroupPath));
    }
  });

  shows(
    clause,
    "a cgroup that is frozen is refused, and nothing hangs on it",
    () => {
      const box = container();
      for (const { mountPoint } of hierarchies()) mkdirSync(join(mountPoint, box.cgroupPath));
      const thaw = freezeCgroup(box.cgroupPath);

      expectRefusal(
        box.attempt("create", [], { timeoutMs: 5_000 }),
        "container's cgroup unexpectedly frozen",
      );

      thaw();
      removeCgroups(box.cgroupPath);
      expect(box.leftovers()).toEqual([]);
    },
    ["freezer"],
  );

  shows(
    clause,
    "a cgroup below one that is frozen is refused, and nothing hangs on it",
    () => {
      const box = container((config, { cgroupPath }) => {
        config.linux.cgroupsPath = `${cgroupPath}/below`;
      });
      for (const { mountPoint } of hierarchies()) mkdirSync(join(mountPoint, box.cgroupPath));
      const thaw = freezeCgroup(box.cgroupPath);

      expectRefusal(
        box.attempt("create", [], { timeoutMs: 5_000 }),
        "container's cgroup unexpectedly frozen",
      );

      expect(cgroupDirs(`${box.cgroupPath}/below`)).toEqual([]);
      thaw();
      removeCgroups(box.cgroupPath);
      expect(box.leftovers()).toEqual([]);
    },
    ["freezer"],
  );

  shows(clause, "cgroups that the container made are removed with it", () => {
    const box = container((config) => {
      config.linux.namespaces.push({ type: "cgroup" });
    });
    createWaiting(box);
    for (const dir of cgroupDirs(box.cgroupPath))
      mkdirSync(join(dir, "inner/most"), { recursive: true });

    box.do("delete", ["--force"]);

    expect(box.leftovers()).toEqual([]);
  });

  shows("runtime.md#delete", "all processes of the cgroup end with a forced delete", () => {
    const box = container((config) => {
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "pid");
    });
    box.probe("--fork", "--fork", "--spin");
    box.do("create");
    box.do("start");
    box.report();
    const [dir = ""] = cgroupDirs(box.cgroupPath);
    const pids = pidsIn(dir);
    expect(pids.length).toBeGreaterThanOrEqual(3);

    box.do("delete", ["--force"]);

    expect(pids.filter(isAlive)).toEqual([]);
    expect(box.leftovers()).toEqual([]);
  });

  shows("runtime.md#delete", "a container whose cgroup somebody removed already is deleted", () => {
    const box = container();
    box.do("create");
    box.kill("KILL");
    box.waitUntilStopped();
    removeCgroups(box.cgroupPath);

    box.do("delete");

    expect(box.leftovers()).toEqual([]);
  });

  shows(
    "runtime.md#delete",
    "a frozen container is deleted by force",
    () => {
      const box = container();
      const pid = createWaiting(box);
      freezeCgroup(box.cgroupPath);

      box.do("delete", ["--force"]);

      expect(isAlive(pid)).toBe(false);
      expect(box.leftovers()).toEqual([]);
    },
    ["freezer"],
  );

  shows(
    "config-linux.md#control-groups",
    "a cgroup mount shows the container its cgroups, read-only",
    () => {
      const box = container((config) => {
        config.linux.namespaces.push({ type: "cgroup" });
        config.mounts.push({
          destination: "/sys/fs/cgroup",
          type: "cgroup",
          source: "cgroup",
          options: ["nosuid", "noexec", "nodev", "relatime", "ro"],
        });
      });
      const names = hierarchies().map(({ mountPoint }) => `/sys/fs/cgroup/${basename(mountPoint)}`);
      box.probe("--list", "/sys/fs/cgroup", ...names.flatMap((name) => ["--mkdir", `${name}/zz`]));

      const seen = box.see();

      const mounts = seen.mounts.filter(({ type }) => type.startsWith("cgroup"));
      expect(mounts.length).toBeGreaterThan(0);
      for (const { target, options } of mounts)
        expect({ target, options: options.split(",") }).toEqual({
          target,
          options: expect.arrayContaining(["ro"]),
        });
      const made = seen.tries.filter(
        ({ operation, error }) => operation === "mkdir" && error === "",
      );
      expect(made).toEqual([]);
    },
  );
});

/** Puts what comes after it into a cgroup of its own, as a service manager does with its services. */
function inCallersCgroup(box: Container): string[] {
  const procs = hierarchies()
    .filter(({ mountPoint }) => !mountPoint.endsWith("cpuset"))
    .map(({ mountPoint }) => join(mountPoint, box.cgroupPath, "caller"));
  for (const dir of procs) mkdirSync(dir, { recursive: true });
  const moves = procs.map((dir) => `echo $$ >${dir}/cgroup.procs`).join("; ");
  return ["sh", "-c", `${moves}; exec "$@"`, "sh"];
}
