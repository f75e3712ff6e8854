import { chownSync, existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Config, processOf } from "../support/config";
import { parseReport } from "../support/container";
import { isTsoci } from "../support/environment";
import { namespaceOf } from "../support/host";
import { asOrdinaryUser, giveTo, ordinaryId, unprivileged } from "../support/ordinary-user";
import { tried } from "../support/report";
import { callRuntime, expectRefusal } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

const suite = isTsoci ? rootSuite : () => {};

suite("rootless", () => {
  const container = useContainers();
  const user = () => asOrdinaryUser();

  function userContainer(edit: (config: Config) => void = () => {}) {
    const box = container((config) => {
      unprivileged(config, { uid: ordinaryId, gid: ordinaryId });
      edit(config);
    });
    giveTo(box);
    box.addBusybox();
    return box;
  }

  shows(
    "config-linux.md#user-namespace-mappings",
    "an ordinary user's container has that user for root",
    () => {
      const box = userContainer((config) => {
        processOf(config).args = ["/bin/sh", "-c", "id -u; cat /proc/self/uid_map"];
      });

      const { stdout } = box.do("run", [], user());

      expect(stdout.split(/\s+/).filter(Boolean)).toEqual(["0", "0", String(ordinaryId), "1"]);
    },
  );

  shows(
    "CVE-2014-8989",
    "an ordinary user's container does not get rid of the user's groups",
    () => {
      const box = userContainer((config) => {
        const names = ["CAP_SETGID"];
        processOf(config).capabilities = { bounding: names, permitted: names, effective: names };
      });
      box.probe("--read", "/proc/self/setgroups", "--syscall", "116:0:0");

      const seen = parseReport(box.do("run", [], user()).stdout);

      expect(tried(seen, "read", "/proc/self/setgroups").content).toBe("deny\n");
      expect(tried(seen, "syscall", "116:0:0").error).toBe("EPERM");
    },
  );

  shows("ours", "an ordinary user's further process is in all that the container is in", () => {
    const box = userContainer();
    box.probe("--quiet", "--wait");
    box.do("run", ["--detach"], user());
    const { pid } = JSON.parse(box.do("state", [], user()).stdout) as { pid: number };

    const seen = box.seeExec(["--cwd", "/tmp"], [], user());

    expect(seen).toMatchObject({ uids: [0, 0, 0, 0], cwd: "/tmp", noNewPrivileges: true });
    for (const kind of ["user", "pid", "mnt", "net", "ipc", "uts"])
      expect({ kind, link: seen.namespaces[kind] }).toEqual({ kind, link: namespaceOf(pid, kind) });
    expect(box.attemptExec(["/probe", "--quiet", "--exit", "7"], [], user()).status).toBe(7);
  });

  shows(
    "ours",
    "without the right to make a cgroup the container stays in its caller's, and a warning says so",
    () => {
      const box = userContainer((config) => {
        processOf(config).args = ["/bin/true"];
      });

      const { stderr } = box.do("run", [], user());

      expect(stderr).toContain("the container stays in the cgroup of its caller");
    },
  );

  shows("ours", "a limit that needs a cgroup is refused without one", () => {
    const box = userContainer((config) => {
      config.linux.resources = { memory: { limit: 100_000_000 } };
    });

    expectRefusal(box.attempt("create", [], user()), "/linux/resources/memory/limit", "memory");

    expect(box.leftovers()).toEqual([]);
  });

  shows("ours", "a cgroup that the config names is not done without", () => {
    const box = userContainer((config) => {
      config.linux.cgroupsPath = "/tsoci-test-named";
    });

    expectRefusal(box.attempt("create", [], user()), "make cgroup", "tsoci-test-named", "EACCES");

    expect(box.leftovers()).toEqual([]);
  });

  shows("runtime.md#lifecycle", "create, start, state, kill and delete are the user's own", () => {
    const box = userContainer((config) => {
      processOf(config).args = ["/bin/sleep", "100"];
    });

    box.do("create", [], user());
    box.do("start", [], user());
    const { stdout } = box.do("state", [], user());
    const { pid } = box.state();
    expect(JSON.parse(stdout)).toMatchObject({ status: "running", owner: "nobody" });
    expect(statSync(`/proc/${pid}`).uid).toBe(ordinaryId);
    const kill = callRuntime(["--root", box.stateRoot, "kill", box.id, "KILL"], user());
    box.waitUntilStopped();
    box.do("delete", [], user());

    expect(kill.status).toBe(0);
    expect(box.leftovers()).toEqual([]);
  });

  shows(
    "config.md#mounts",
    "a directory of the user's is bound, and one of another is not reached",
    () => {
      const box = userContainer();
      const own = join(box.dir, "own");
      const foreign = join(box.dir, "foreign");
      mkdirSync(own, { mode: 0o700 });
      writeFileSync(join(own, "file"), "seen\n");
      chownSync(own, ordinaryId, ordinaryId);
      mkdirSync(join(foreign, "inner"), { recursive: true, mode: 0o700 });
      mkdirSync(join(box.rootfsDir, "bound"));
      const bind = (source: string) => {
        const others = box.config.mounts.filter(({ destination }) => destination !== "/bound");
        const mount = { destination: "/bound", source, type: "bind", options: ["rbind", "ro"] };
        box.config.mounts = [...others, mount];
        processOf(box.config).args = ["/bin/cat", "/bound/file"];
        box.writeConfig();
      };

      bind(own);
      expect(box.do("run", [], user()).stdout).toBe("seen\n");

      bind(join(foreign, "inner"));
      expectRefusal(box.attempt("run", [], user()), "EACCES");
    },
  );

  shows("ours", "delete --force leaves a container whose record cannot be read for now", () => {
    const box = userContainer((config) => {
      processOf(config).args = ["/bin/sleep", "100"];
    });
    box.do("create", [], user());
    const record = join(box.stateRoot, box.id, "state.json");
    const { uid, gid } = statSync(record);
    chownSync(record, 0, 0);

    expectRefusal(box.attempt("delete", ["--force"], user()), "read the record", "EACCES");

    chownSync(record, uid, gid);
    expect(box.state().status).toBe("created");
  });

  shows("ours", "state is kept below $XDG_RUNTIME_DIR", () => {
    const box = userContainer((config) => {
      processOf(config).args = ["/bin/sleep", "100"];
    });
    const runtimeDir = join(box.dir, "run");
    mkdirSync(runtimeDir, { mode: 0o700 });
    chownSync(runtimeDir, ordinaryId, ordinaryId);
    const options = {
      ...user(),
      env: { PATH: process.env.PATH, XDG_RUNTIME_DIR: runtimeDir },
    };

    const created = callRuntime(["create", "--bundle", box.bundleDir, box.id], options);
    const stateDir = join(runtimeDir, "tsoci", box.id);
    const wasThere = existsSync(stateDir);
    const deleted = callRuntime(["delete", "--force", box.id], options);

    expect([created.status, wasThere, deleted.status]).toEqual([0, true, 0]);
    expect(existsSync(stateDir)).toBe(false);
  });

  /** Wants the user's own id and a range of others. */
  const withRange = () =>
    userContainer((config) => {
      const mappings = [
        { containerID: 0, hostID: ordinaryId, size: 1 },
        { containerID: 1, hostID: 700_000, size: 1000 },
      ];
      config.linux.uidMappings = mappings;
      config.linux.gidMappings = mappings;
      processOf(config).user = { uid: 5, gid: 7 };
      processOf(config).args = ["/bin/sh", "-c", "id -u; id -g; cat /proc/self/gid_map"];
    });

  shows(
    "config-linux.md#user-namespace-mappings",
    "ranges of /etc/subuid are mapped by newuidmap",
    () => {
      const box = withRange();
      const ranges = join(box.dir, "ranges");
      writeFileSync(ranges, "nobody:700000:1000\n");

      const { stdout } = box.do("run", [], asOrdinaryUser(ranges));

      const words = stdout.split(/\s+/).filter(Boolean).map(Number);
      expect(words).toEqual([5, 7, 0, ordinaryId, 1, 1, 700_000, 1000]);
    },
    ["newuidmap"],
  );

  shows(
    "config-linux.md#user-namespace-mappings",
    "a range that is not the user's is refused in the words of newgidmap",
    () => {
      const box = withRange();
      const ranges = join(box.dir, "ranges");
      writeFileSync(ranges, "nobody:800000:1000\n");

      const outcome = box.attempt("run", [], asOrdinaryUser(ranges));

      expectRefusal(outcome, "newgidmap", "not allowed", "exit status 1");
      expect(box.leftovers()).toEqual([]);
    },
    ["newuidmap"],
  );
});
