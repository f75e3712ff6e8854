import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hookKinds, processOf, withoutNamespace, withUserNamespace } from "../support/config";
import type { Container } from "../support/container";
import { launchTool } from "../support/environment";
import { isAlive, namespaceOf } from "../support/host";
import { mountAt, tried } from "../support/report";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

const kinds = ["pid", "net", "ipc", "uts", "mnt", "cgroup", "user", "time"] as const;

/** It is where the container's first process is, in every respect. */
function expectSameNamespaces(box: Container, pid: number): void {
  const { namespaces } = box.seeExec();
  for (const kind of kinds)
    expect({ kind, link: namespaces[kind] }).toEqual({ kind, link: namespaceOf(pid, kind) });
}

rootSuite("exec: kinds of containers", () => {
  const container = useContainers();

  shows("peers", "a created container takes further processes before its program", () => {
    const box = container();
    box.probe("--wait");
    box.do("create");
    const { pid } = box.state();

    expectSameNamespaces(box, pid);

    expect(box.state().status).toBe("created");
    expect(box.output()).toBe("");
    box.do("start");
    expect(box.report().pid).toBe(1);
  });

  shows(
    "peers",
    "in a user namespace it has the container's ids, and its limits",
    () => {
      const box = container((config) => {
        withUserNamespace(config);
        config.linux.namespaces.push({ type: "cgroup" });
        processOf(config).rlimits = [{ type: "RLIMIT_NOFILE", soft: 100, hard: 200 }];
      });
      const pid = box.runWaiting();

      expectSameNamespaces(box, pid);
      const seen = box.seeExec(["--user", "1000:1000", "--additional-gids", "7"]);

      expect(seen).toMatchObject({ uids: [1000, 1000, 1000, 1000], groups: [7] });
      expect(seen.rlimits.RLIMIT_NOFILE).toEqual(["100", "200"]);
      expect(box.seeExec([], ["--read", "/proc/self/uid_map"]).tries[0]?.content).toMatch(
        /^ +0 +100000 +65536\n$/,
      );
    },
    ["user namespaces"],
  );

  shows(
    "peers",
    "in a time namespace it has the container's clocks",
    () => {
      const box = container((config) => {
        config.linux.namespaces.push({ type: "time" });
        config.linux.timeOffsets = { boottime: { secs: 5_000_000 } };
      });
      const pid = box.runWaiting();

      expectSameNamespaces(box, pid);
      expect(box.seeExec().clocks.boottime).toBeGreaterThan(5_000_000);
    },
    ["time namespaces"],
  );

  shows("peers", "where the container joined others' namespaces, so does it", () => {
    const holder = container();
    const holderPid = holder.runWaiting();
    const box = container((config) => {
      const links = { pid: "pid", network: "net", ipc: "ipc", uts: "uts" };
      delete config.hostname;
      config.linux.namespaces = [
        { type: "mount" },
        ...Object.entries(links).map(([type, link]) => ({
          type,
          path: `/proc/${holderPid}/ns/${link}`,
        })),
      ];
    });
    const pid = box.runWaiting();

    expectSameNamespaces(box, pid);
    expect(box.seeExec().namespaces.net).toBe(namespaceOf(holderPid, "net"));
    expect(box.seeExec().pid).toBeGreaterThan(1);
  });

  shows(
    "peers",
    "where the container joined another's user namespace, so does it",
    () => {
      const holder = container((config) => withUserNamespace(config));
      const holderPid = holder.runWaiting();
      const box = container((config) => {
        config.linux.namespaces.push({ type: "user", path: `/proc/${holderPid}/ns/user` });
        withoutNamespace(config, "network");
        config.linux.namespaces.push({ type: "network", path: `/proc/${holderPid}/ns/net` });
      });
      const pid = box.runWaiting();

      expectSameNamespaces(box, pid);
    },
    ["user namespaces"],
  );

  shows(
    "peers",
    "without a pid namespace it is a process of the host's, and of no cost to it",
    () => {
      const box = container((config) => withoutNamespace(config, "pid"));
      const pid = box.runWaiting();

      expectSameNamespaces(box, pid);
      expect(isAlive(box.seeExec().pid)).toBe(false);
      expect(box.state().status).toBe("running");
    },
  );

  shows("peers", "without a mount namespace the rootfs is its root, too", () => {
    const box = container((config, { rootfsDir }) => {
      withoutNamespace(config, "mount");
      config.mounts = [];
      config.root = { path: "rootfs" };
      delete config.linux.maskedPaths;
      delete config.linux.readonlyPaths;
      writeFileSync(join(rootfsDir, "etc/mark"), "mine");
    });
    box.runWaiting();

    const outcome = box.exec(["/probe", "--read", "/etc/mark", "--chdir", "/.."]);

    expect(tried(JSON.parse(outcome.stdout), "read", "/etc/mark").content).toBe("mine");
  });

  shows("peers", "with --no-pivot it has the same root", () => {
    const box = container((_, { rootfsDir }) => {
      writeFileSync(join(rootfsDir, "etc/mark"), "mine");
    });
    box.probe("--quiet", "--wait");
    box.do("run", ["--detach", "--no-pivot"]);

    const seen = box.seeExec([], ["--read", "/etc/mark"]);

    expect(tried(seen, "read", "/etc/mark").content).toBe("mine");
    expect(mountAt(seen, "/").target).toBe("/");
  });

  shows("peers", "what is mounted in the container later, it sees", () => {
    const box = container((config) => {
      const names = ["CAP_SYS_ADMIN"];
      processOf(config).capabilities = { bounding: names, permitted: names, effective: names };
    });
    box.probe("--quiet", "--mount", "/tmp", "--mkdir", "/tmp/inside", "--wait");
    box.do("run", ["--detach"]);

    expect(tried(box.seeExec([], ["--stat", "/tmp/inside"]), "stat", "/tmp/inside").error).toBe("");
  });

  shows("config.md#posix-platform-hooks", "no hook runs for a further process", () => {
    const box = container((config, { dir, rootfsDir }) => {
      mkdirSync(join(rootfsDir, "hooks"));
      config.root = { path: "rootfs" };
      config.hooks = {};
      for (const kind of hookKinds) {
        const inside = kind === "startContainer";
        config.hooks[kind] = [
          inside
            ? { path: "/probe", args: ["probe", "--quiet", "--append", "/hooks/ran", kind] }
            : { path: "/bin/sh", args: ["sh", "-c", `echo ${kind} >>${dir}/ran`] },
        ];
      }
    });
    box.runWaiting();
    const files = [join(box.dir, "ran"), join(box.rootfsDir, "hooks/ran")];
    const before = files.map((file) => readIfThere(file));

    box.seeExec();

    expect(files.map((file) => readIfThere(file))).toEqual(before);
    expect(before.join()).toContain("startContainer");
  });

  shows(
    "config.md#process",
    "execCPUAffinity binds it, and its first process is not",
    () => {
      const box = container((config) => {
        processOf(config).execCPUAffinity = { initial: "0", final: "1" };
      });
      box.probe("--wait");
      box.do("run", ["--detach"]);

      expect(box.seeExec().affinity).toEqual([1]);
      expect(box.report().affinity).toEqual(expect.arrayContaining([0, 1]));
      const file = box.processFile({ execCPUAffinity: { final: "0" } });
      expect(JSON.parse(box.exec([], ["--process", file]).stdout).affinity).toEqual([0]);
    },
    ["two processors"],
  );

  shows(
    "peers",
    "without one it may use every processor, whatever the caller was bound to",
    () => {
      const box = container();
      box.runWaiting();
      const free = box.seeExec().affinity;
      const through = [launchTool, "--affinity", "0", "--"];

      expect(box.seeExec([], [], { through }).affinity).toEqual(free);
      expect(free.length).toBeGreaterThan(1);
    },
    ["two processors"],
  );

  shows("config.md#process", "an affinity that the machine has not is refused", () => {
    const box = container();
    box.runWaiting();

    for (const when of ["initial", "final"]) {
      const file = box.processFile({ execCPUAffinity: { [when]: "8000" } });
      const outcome = box.attemptExec([], ["--process", file]);
      expect(outcome.status).toBe(255);
      expect(outcome.stderr).toContain("sched_setaffinity");
    }
    expect(box.state().status).toBe("running");
  });
});

function readIfThere(path: string): string {
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}
