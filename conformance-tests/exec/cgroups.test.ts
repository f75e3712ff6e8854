import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Container } from "../support/container";
import { cgroupDir, cgroupDirs, hierarchies, unifiedDir } from "../support/host";
import type { Report } from "../support/report";
import { expectExecRefusal } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

/** The paths that a report shows, by controller; "" is v2. Without the hierarchies that are not mounted. */
function pathsOf(report: Report): Map<string, string> {
  const mounted = new Set(
    hierarchies().flatMap(({ version, controllers }) => (version === 2 ? [""] : controllers)),
  );
  const paths = new Map<string, string>();
  for (const line of report.cgroups) {
    const [, names = "", ...rest] = line.split(":");
    for (const name of names.split(",")) if (mounted.has(name)) paths.set(name, rest.join(":"));
  }
  return paths;
}

/** Cgroups below the container's, as it could make them. */
function makeSubCgroup(box: Container, name: string): void {
  for (const dir of cgroupDirs(box.cgroupPath)) {
    mkdirSync(join(dir, name), { recursive: true });
    fillCpuset(dir, name);
  }
}

/** A new cpuset of version 1 takes no process before it has processors and memory. */
function fillCpuset(dir: string, name: string): void {
  for (const file of ["cpuset.cpus", "cpuset.mems"]) {
    if (!existsSync(join(dir, "cgroup.clone_children"))) return;
    if (!existsSync(join(dir, file))) continue;
    let at = dir;
    for (const part of name.split("/")) {
      writeFileSync(join(at, part, file), readFileSync(join(at, file), "utf8"));
      at = join(at, part);
    }
  }
}

rootSuite("exec: cgroups", () => {
  const container = useContainers();

  shows("peers", "a further process is in the container's cgroup, in every hierarchy", () => {
    const box = container();
    box.runWaiting();

    const paths = pathsOf(box.seeExec());

    expect(new Set(paths.values())).toEqual(new Set([box.cgroupPath]));
    expect(paths.size).toBeGreaterThan(0);
  });

  shows(
    "peers",
    "--cgroup puts it below, in the v1 hierarchies of all controllers or of those named",
    () => {
      const box = container();
      box.runWaiting();
      makeSubCgroup(box, "one");
      makeSubCgroup(box, "two/deep");
      const one = `${box.cgroupPath}/one`;
      const deep = `${box.cgroupPath}/two/deep`;

      for (const [name, path] of pathsOf(box.seeExec(["--cgroup", "one"])))
        expect({ name, path }).toEqual({ name, path: name === "" ? box.cgroupPath : one });
      const named = pathsOf(
        box.seeExec(["--cgroup", "memory:/one", "--cgroup", "pids,freezer:two/deep"]),
      );

      expect(named.get("memory")).toBe(one);
      expect(named.get("pids")).toBe(deep);
      expect(named.get("freezer")).toBe(deep);
      expect(named.get("devices")).toBe(box.cgroupPath);
      expect(named.get("")).toBe(pathsOf(box.seeExec()).get(""));
    },
    ["cgroup v1"],
  );

  shows("peers", "--cgroup / is the container's own", () => {
    const box = container();
    box.runWaiting();

    expect(new Set(pathsOf(box.seeExec(["--cgroup", "/"])).values())).toEqual(
      new Set([box.cgroupPath]),
    );
  });

  shows("peers", "a path that leads out of the container's cgroup is refused", () => {
    const box = container();
    box.runWaiting();

    for (const path of ["..", "../..", "/..", "x/../..", "/../../../.."])
      expectExecRefusal(box.attemptExec(["/probe"], ["--cgroup", path]), "bad sub cgroup path");
  });

  shows("peers", "a cgroup that is not there is refused, and not made", () => {
    const box = container();
    box.runWaiting();

    expectExecRefusal(
      box.attemptExec(["/probe"], ["--cgroup", "nowhere"]),
      / adding pid .*o such file or directory/,
    );

    expect(cgroupDirs(`${box.cgroupPath}/nowhere`)).toEqual([]);
  });

  shows("peers", "a controller that there is not is refused", () => {
    const box = container();
    box.runWaiting();

    for (const name of ["whatever", "constructor", ""])
      expectExecRefusal(
        box.attemptExec(["/probe"], ["--cgroup", `${name}:/`]),
        `unknown controller ${name}`,
      );
  });

  shows(
    "cgroups(7)",
    "where the container's own takes no process any more, it is born where init is by now",
    () => {
      const box = container();
      const pid = box.runWaiting();
      const dir = unifiedDir(box.cgroupPath);
      mkdirSync(join(dir, "leaf"));
      writeFileSync(join(dir, "leaf/cgroup.procs"), String(pid));
      writeFileSync(join(dir, "cgroup.subtree_control"), "+memory");

      expect(pathsOf(box.seeExec()).get("")).toBe(`${box.cgroupPath}/leaf`);
      expectExecRefusal(
        box.attemptExec(["/probe"], ["--cgroup", "/"]),
        / adding pid .* to cgroups/,
        "EBUSY",
      );
    },
    ["memory of cgroup v2"],
  );

  shows(
    "security",
    "the limits of the container hold for it from its first instruction",
    () => {
      const box = container((config) => {
        config.linux.resources = { pids: { limit: 3 } };
      });
      box.runWaiting();

      const outcome = box.exec(["/probe", "--fork", "--fork", "--read", "/proc/self/cgroup"]);

      expect(outcome.status).toBe(0);
      expect(readFileSync(join(cgroupDir("pids", box.cgroupPath), "pids.events"), "utf8")).toMatch(
        /^max [1-9]/,
      );
    },
    ["cgroup v1"],
  );
});
