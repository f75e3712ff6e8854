import { chmodSync, chownSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Config, processOf, withUserNamespace } from "../support/config";
import type { Container } from "../support/container";
import { mountAt, tried } from "../support/report";
import { callRuntime, expectRefusal } from "../support/runtime";
import { allowBut } from "../support/seccomp";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

/** A shell as the startContainer hook. */
function startHook(box: Container, script: string): void {
  box.addBusybox();
  box.config.hooks = { startContainer: [{ path: "/bin/sh", args: ["sh", "-euc", script] }] };
  box.writeConfig();
}

/** A bind mount on /mnt whose source is a tmpfs that the host mounted with `flags`. */
function withSourceOf(flags: string, ...options: string[]) {
  return (config: Config, { dir, rootfsDir }: Container): void => {
    const source = mkdtempSync(join(dir, "source-"));
    mkdirSync(join(rootfsDir, "mnt"));
    config.mounts.push(
      { destination: "/tmp", type: "tmpfs", source: "tmpfs", options: flags.split(",") },
      { destination: "/mnt", source: join(rootfsDir, "tmp"), options: ["bind", ...options] },
      { destination: "/dev/shm", source, options: ["bind"] },
    );
  };
}

rootSuite("what callers of runc count on", () => {
  const container = useContainers();

  shows("peers", "names in other letters are those of the specification", () => {
    const box = container((config) => {
      delete config.hostname;
      Object.assign(config, { HostName: "in-other-letters" });
      Object.assign(processOf(config), { Args: processOf(config).args, args: undefined });
    });

    expect(box.see().hostname).toBe("in-other-letters");
  });

  shows("peers", "one property in two spellings is refused, with both", () => {
    const box = container((config) => {
      Object.assign(config, { HostName: "in-other-letters" });
    });

    expectRefusal(box.attempt("create"), '/hostname: is there as "hostname" and as "HostName"');
  });

  shows("config.md#startcontainer-hooks", "startContainer hooks get the program's HOME", () => {
    const box = container((config) => {
      processOf(config).env = ["PATH=/bin", "ONE=two"];
    });
    writeFileSync(join(box.rootfsDir, "etc/passwd"), "root:x:0:0::/home/of-root:/bin/sh\n");
    startHook(box, '[ "$ONE $HOME" = "two /home/of-root" ]');

    box.see();
  });

  shows("config-linux.md#seccomp", "startContainer hooks run under the program's filter", () => {
    const box = container((config) => {
      allowBut(config, { names: ["mkdir", "mkdirat"], action: "SCMP_ACT_KILL_PROCESS" });
    });
    startHook(box, "exec busybox mkdir /dev/shm/made");

    expectRefusal(box.attempt("run"), "error running startContainer hook #0:", "bad system call");
  });

  shows("peers", "a working directory that is gone matters to who needs one", () => {
    const box = container();
    const script = 'mkdir "$0" && cd "$0" && rmdir "$0" && exec "$@"';
    const through = ["sh", "-c", script, join(box.dir, "gone")];

    const named = box.attempt("run", [], { through });
    const unnamed = callRuntime(["--root", box.stateRoot, "run", box.id], { through });

    expect(named).toMatchObject({ status: 0, stderr: "" });
    expectRefusal(unnamed, "the working directory is gone");
  });

  shows("runtime.md#kill", "TERM ends a container that was created and never started", () => {
    const box = container();
    box.do("create");

    box.kill("TERM");

    box.waitUntilStopped();
  });

  shows("config.md#mounts", "a read-only /dev has its devices and mount points", () => {
    const box = container((config) => {
      for (const mount of config.mounts)
        if (mount.destination === "/dev") mount.options = ["nosuid", "ro"];
    });
    box.probe("--create", "/dev/new");

    const seen = box.see();

    expect(mountAt(seen, "/dev")?.options).toContain("ro");
    expect(tried(seen, "create", "/dev/new")).toMatchObject({ error: "EROFS" });
  });

  shows("config.md#mounts", "a read-only tmpfs has the mount points of later mounts", () => {
    const box = container((config) => {
      config.mounts.push(
        { destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["ro"] },
        { destination: "/tmp/inner", type: "tmpfs", source: "tmpfs" },
      );
    });

    const seen = box.see();

    expect(mountAt(seen, "/tmp").options).toContain("ro");
    expect(mountAt(seen, "/tmp/inner").options).toContain("rw");
  });

  shows("config.md#mounts", "a destination may be the host's path of a place in the rootfs", () => {
    const box = container((config, { rootfsDir }) => {
      config.mounts.push({ destination: `${rootfsDir}/tmp`, type: "tmpfs", source: "tmpfs" });
    });

    expect(mountAt(box.see(), "/tmp")).toBeDefined();
  });

  shows(
    "config.md#linux-mount-options",
    "a bind mount keeps the access times of its source unless an option sets others",
    () => {
      const times = (...options: string[]) =>
        mountAt(container(withSourceOf("noatime", ...options)).see(), "/mnt")?.options;

      expect(times("atime", "dev")).toContain("noatime");
      expect(times("relatime")).toContain("relatime");
    },
  );

  shows(
    "config.md#linux-mount-options",
    "a bind mount with options has just those, whatever its source has",
    () => {
      const attributes = (...options: string[]) =>
        mountAt(container(withSourceOf("nosuid,nodev", ...options)).see(), "/mnt")
          ?.options.split(",")
          .filter((option) => option.startsWith("no"));

      expect(attributes("noexec")).toEqual(["noexec"]);
      expect(attributes()).toEqual(["nosuid", "nodev"]);
    },
  );

  shows(
    "config.md#mounts",
    "idmap means the mappings of a user namespace that the container joins",
    () => {
      const first = container((config) => withUserNamespace(config));
      first.probe("--wait");
      first.do("run", ["--detach"]);
      const box = container((config, { dir }) => {
        const path = `/proc/${first.state().pid}/ns/user`;
        config.linux.namespaces.push({ type: "user", path });
        const source = join(dir, "owned");
        mkdirSync(source);
        writeFileSync(join(source, "file"), "");
        chownSync(join(source, "file"), 7, 8);
        config.mounts.push({ destination: "/tmp", source, options: ["bind", "idmap"] });
      });
      chmodSync(box.rootfsDir, 0o755);
      box.probe("--stat", "/tmp/file");

      expect(tried(box.see(), "stat", "/tmp/file")).toMatchObject({ uid: 7, gid: 8 });
    },
    ["id-mapped mounts"],
  );

  shows(
    "config.md#linux-process",
    "a deadline on some processors only is explained",
    () => {
      const box = container((config) => {
        config.linux.resources = { cpu: { cpus: "0" } };
        processOf(config).scheduler = {
          policy: "SCHED_DEADLINE",
          runtime: 42_000,
          deadline: 1_000_000,
          period: 1_000_000,
        };
      });

      const outcome = box.attempt("run");

      expectRefusal(outcome, "process scheduler can't be used together with AllowedCPUs");
    },
    ["two processors"],
  );

  shows("config.md#linux-process", "an ambient capability that cannot be had is named", () => {
    const box = container((config) => {
      processOf(config).capabilities = { ambient: ["CAP_CHOWN"] };
    });

    const { stderr } = box.do("run");

    expect(stderr).toContain("can't raise ambient capability CAP_CHOWN: ");
  });
});
