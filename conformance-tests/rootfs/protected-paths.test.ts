import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { processOf } from "../support/config";
import { tried } from "../support/report";
import { expectRefusal } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

rootSuite("rootfs: masked and read-only paths, sysctl", () => {
  const container = useContainers();

  shows(
    "config-linux.md#masked-paths",
    "a masked file reads as nothing, a masked directory is empty",
    () => {
      const box = container((config, { rootfsDir }) => {
        config.root = { path: "rootfs" };
        mkdirSync(join(rootfsDir, "secrets"));
        writeFileSync(join(rootfsDir, "secrets/key"), "secret");
        writeFileSync(join(rootfsDir, "secret"), "secret");
        config.linux.maskedPaths = [
          "/secrets",
          "/secret",
          "/proc/version",
          "/nowhere",
          "/no/where",
        ];
      });
      box.probe(
        "--read",
        "/secret",
        "--list",
        "/secrets",
        "--create",
        "/secrets/x",
        "--stat",
        "/proc/version",
        "--read",
        "/proc/version",
        "--write",
        "/secret",
        "--stat",
        "/nowhere",
      );

      const seen = box.see();

      expect(tried(seen, "read", "/secret")).toMatchObject({ error: "", content: "" });
      expect(tried(seen, "list", "/secrets").entries).toEqual([]);
      expect(tried(seen, "create", "/secrets/x").error).toBe("EROFS");
      expect(tried(seen, "stat", "/proc/version")).toMatchObject({
        type: "character",
        rdev: "1:3",
      });
      expect(tried(seen, "read", "/proc/version").content).toBe("");
      expect(tried(seen, "stat", "/nowhere").error).toBe("ENOENT");
      expect(readFileSync(join(box.rootfsDir, "secret"), "utf8")).toBe("secret");
    },
  );

  shows("config-linux.md#masked-paths", "a path that is listed twice is masked once", () => {
    const box = container((config) => {
      config.linux.maskedPaths = ["/proc/version", "/proc/version", "/proc/version"];
    });

    const masks = box.see().mounts.filter(({ target }) => target === "/proc/version");

    expect(masks).toHaveLength(1);
  });

  shows("config-linux.md#readonly-paths", "read-only paths can be read and not written", () => {
    const box = container((config, { rootfsDir }) => {
      config.root = { path: "rootfs" };
      mkdirSync(join(rootfsDir, "keep"));
      writeFileSync(join(rootfsDir, "keep/file"), "kept");
      writeFileSync(join(rootfsDir, "kept"), "kept");
      config.linux.readonlyPaths = ["/keep", "/kept", "/proc/sys", "/nowhere"];
    });
    box.probe(
      "--read",
      "/keep/file",
      "--write",
      "/keep/file",
      "--create",
      "/keep/x",
      "--write",
      "/kept",
      "--read",
      "/proc/sys/kernel/hostname",
      "--write",
      "/proc/sys/kernel/hostname",
      "--create",
      "/elsewhere",
    );

    const seen = box.see();

    expect(tried(seen, "read", "/keep/file").content).toBe("kept");
    expect(tried(seen, "write", "/keep/file").error).toBe("EROFS");
    expect(tried(seen, "create", "/keep/x").error).toBe("EROFS");
    expect(tried(seen, "write", "/kept").error).toBe("EROFS");
    expect(tried(seen, "read", "/proc/sys/kernel/hostname").content).toBe("probed\n");
    expect(tried(seen, "write", "/proc/sys/kernel/hostname").error).toBe("EROFS");
    expect(tried(seen, "create", "/elsewhere").error).toBe("");
  });

  shows(
    "config-linux.md#readonly-paths",
    "mounts below a read-only path are read-only as well",
    () => {
      const box = container((config) => {
        config.root = { path: "rootfs" };
        config.mounts.push({ destination: "/tree/branch", type: "tmpfs", source: "tmpfs" });
        config.linux.readonlyPaths = ["/tree"];
      });
      box.probe("--create", "/tree/x", "--create", "/tree/branch/x");

      const seen = box.see();

      expect(tried(seen, "create", "/tree/x").error).toBe("EROFS");
      expect(tried(seen, "create", "/tree/branch/x").error).toBe("EROFS");
    },
  );

  shows(
    "config-linux.md#readonly-paths",
    "a read-only path keeps the mount's other attributes",
    () => {
      const box = container((config) => {
        config.linux.readonlyPaths = ["/dev/shm"];
      });

      const mounts = box.see().mounts.filter(({ target }) => target === "/dev/shm");

      expect(mounts.at(-1)?.options.split(",")).toEqual(
        expect.arrayContaining(["ro", "nosuid", "nodev", "noexec"]),
      );
    },
  );

  for (const property of ["maskedPaths", "readonlyPaths"] as const) {
    shows("config-linux.md#masked-paths", `a relative path in ${property} is refused`, () => {
      const box = container((config) => {
        config.linux[property] = ["proc/kcore"];
      });

      expectRefusal(box.attempt("create"), "proc/kcore");

      expect(box.leftovers()).toEqual([]);
    });

    shows(
      "config-linux.md#masked-paths",
      `a symlink in ${property} does not lead out of the rootfs`,
      () => {
        const box = container((config, { rootfsDir, dir }) => {
          writeFileSync(join(dir, "outside"), "outside");
          config.root = { path: "rootfs" };
          symlinkSync(`../../../../../../../..${dir}/outside`, join(rootfsDir, "link"));
          config.linux[property] = ["/link"];
        });

        box.attempt("run");

        expect(readFileSync(join(box.dir, "outside"), "utf8")).toBe("outside");
        writeFileSync(join(box.dir, "outside"), "still writable");
      },
    );
  }

  shows(
    "config-linux.md#sysctl",
    "kernel parameters are those of the config",
    () => {
      const box = container((config) => {
        config.linux.sysctl = {
          "net.ipv4.ip_forward": "1",
          "net/ipv4/ip_default_ttl": "77",
          "kernel.shm_rmid_forced": "1",
          "kernel.msgmax": "9000",
          "fs.mqueue.msg_max": "7",
        };
      });
      box.probe(
        "--read",
        "/proc/sys/net/ipv4/ip_forward",
        "--read",
        "/proc/sys/net/ipv4/ip_default_ttl",
        "--read",
        "/proc/sys/kernel/shm_rmid_forced",
        "--read",
        "/proc/sys/kernel/msgmax",
        "--read",
        "/proc/sys/fs/mqueue/msg_max",
      );

      const seen = box.see();

      expect(seen.tries.map(({ content }) => content)).toEqual([
        "1\n",
        "77\n",
        "1\n",
        "9000\n",
        "7\n",
      ]);
    },
    ["posix message queues"],
  );

  shows(
    "config-linux.md#sysctl",
    "parameters are set although /proc/sys is a read-only path",
    () => {
      const box = container((config) => {
        config.linux.sysctl = { "net.ipv4.ip_forward": "1" };
        config.linux.readonlyPaths = ["/proc/sys"];
      });
      box.probe("--read", "/proc/sys/net/ipv4/ip_forward");

      expect(box.see().tries[0]?.content).toBe("1\n");
    },
  );

  /** What would change the host: it belongs to no namespace of the container's. */
  const refused: Record<string, [string, string]> = {
    "of the whole machine": ["vm.swappiness", "10"],
    "that names a program": ["kernel.core_pattern", "|/bin/true"],
    "that is not there": ["net.ipv4.no_such_thing", "1"],
    "that climbs": ["net/../kernel/core_pattern", "x"],
    "with an empty component": ["net..ipv4.ip_forward", "1"],
    "of the uts namespace's hostname": ["kernel.hostname", "other"],
  };
  for (const [what, [name, value]] of Object.entries(refused)) {
    shows("config-linux.md#sysctl", `a parameter ${what} is refused`, () => {
      const before = readFileSync("/proc/sys/kernel/core_pattern", "utf8");
      const box = container((config) => {
        config.linux.sysctl = { [name]: value };
      });

      expectRefusal(box.attempt("create"), name.split(/[./]/).at(-1) ?? "");

      expect(readFileSync("/proc/sys/kernel/core_pattern", "utf8")).toBe(before);
      expect(box.leftovers()).toEqual([]);
    });
  }

  for (const [type, name] of [
    ["network", "net.ipv4.ip_forward"],
    ["ipc", "kernel.msgmax"],
  ] as const) {
    shows(
      "config-linux.md#sysctl",
      `a parameter of the ${type} namespace without one of the container's is refused`,
      () => {
        const path = `/proc/sys/${name.replaceAll(".", "/")}`;
        const before = readFileSync(path, "utf8");
        const box = container((config) => {
          config.linux.namespaces = config.linux.namespaces.filter((entry) => entry.type !== type);
          config.linux.sysctl = { [name]: "1" };
        });

        expectRefusal(box.attempt("create"), name);

        expect(readFileSync(path, "utf8")).toBe(before);
        expect(box.leftovers()).toEqual([]);
      },
    );
  }

  shows(
    "config-linux.md#sysctl",
    "a container without capabilities has its parameters all the same",
    () => {
      const box = container((config) => {
        config.linux.sysctl = { "net.ipv4.ip_forward": "1" };
        processOf(config).capabilities = {};
        processOf(config).user = { uid: 1000, gid: 1000 };
      });
      box.probe("--read", "/proc/sys/net/ipv4/ip_forward");

      expect(box.see().tries[0]?.content).toBe("1\n");
    },
  );
});
