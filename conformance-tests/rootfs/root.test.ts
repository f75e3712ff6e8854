import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { processOf } from "../support/config";
import { readMounts } from "../support/host";
import { mountAt, tried } from "../support/report";
import { expectRefusal } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

/** Who hears of mounts of this root, as mountinfo's optional fields tell it. */
const propagations: Record<string, RegExp> = {
  private: /^$/,
  shared: /^shared:\d+$/,
  slave: /^(master:\d+)?$/,
  unbindable: /^unbindable$/,
};

rootSuite("rootfs: root", () => {
  const container = useContainers();

  shows("config.md#root", "root.readonly makes the root read-only", () => {
    const box = container((config) => {
      config.root = { path: "rootfs", readonly: true };
    });
    box.probe("--create", "/file", "--mkdir", "/tmp/dir", "--create", "/dev/shm/file");

    const seen = box.see();

    expect(tried(seen, "create", "/file").error).toBe("EROFS");
    expect(tried(seen, "mkdir", "/tmp/dir").error).toBe("EROFS");
    expect(tried(seen, "create", "/dev/shm/file").error).toBe("");
    expect(mountAt(seen, "/").options.split(",")).toContain("ro");
  });

  for (const readonly of [false, undefined]) {
    shows("config.md#root", `root.readonly ${readonly} leaves the root writable`, () => {
      const box = container((config) => {
        config.root = { path: "rootfs", ...(readonly === undefined ? {} : { readonly }) };
      });
      box.probe("--create", "/file");

      expect(tried(box.see(), "create", "/file").error).toBe("");

      expect(readFileSync(join(box.rootfsDir, "file"), "utf8")).toBe("");
    });
  }

  shows(
    "config.md#root",
    "a writable root does not make the host's files read-only or the other way round",
    () => {
      const box = container((config) => {
        config.root = { path: "rootfs", readonly: true };
      });
      box.see();

      writeFileSync(join(box.rootfsDir, "file"), "still writable here");
    },
  );

  shows("config.md#root", "root.path may be absolute, and may lead through a symlink", () => {
    const box = container();
    const link = join(box.dir, "link");
    symlinkSync(box.rootfsDir, link);
    writeFileSync(join(box.rootfsDir, "etc/mark"), "mine");

    for (const path of [box.rootfsDir, link, "../link", "./rootfs/"]) {
      box.config.root = { path };
      box.probe("--read", "/etc/mark");
      expect(tried(box.see(), "read", "/etc/mark").content).toBe("mine");
    }
  });

  shows("config.md#root", "root.path may be the bundle itself", () => {
    const box = container((config, { bundleDir }) => {
      config.root = { path: "." };
      for (const name of ["proc", "sys", "dev"]) mkdirSync(join(bundleDir, name));
      processOf(config).args = ["/rootfs/probe"];
    });

    expect(box.see().pid).toBe(1);
  });

  shows("runtime.md#create", "nothing of the host is left below the new root", () => {
    const box = container();
    box.probe("--list", "/");

    const seen = box.see();

    expect(tried(seen, "list", "/").entries?.sort()).toEqual([
      "bin",
      "dev",
      "etc",
      "probe",
      "proc",
      "sys",
      "tmp",
    ]);
    const targets = seen.mounts.map(({ target }) => target);
    expect(targets.filter((target) => target === "/")).toHaveLength(1);
    for (const target of targets) expect(target).toMatch(/^\/($|dev|proc|sys)/);
  });

  for (const [value, optional] of Object.entries(propagations)) {
    shows(
      "config-linux.md#rootfs-mount-propagation",
      `rootfsPropagation ${value} is what the root has`,
      () => {
        const box = container((config) => {
          config.linux.rootfsPropagation = value;
        });

        expect(mountAt(box.see(), "/").optional.join(" ")).toMatch(optional);
      },
    );
  }

  shows(
    "config-linux.md#rootfs-mount-propagation",
    "what a mount says of itself goes before what is said of all below the root",
    () => {
      const box = container((config) => {
        config.linux.rootfsPropagation = "rprivate";
        config.mounts.push({ destination: "/tmp", type: "tmpfs", options: ["rshared"] });
      });

      expect(mountAt(box.see(), "/tmp").optional.join(" ")).toMatch(/^shared:/);
    },
  );

  shows("config-linux.md#rootfs-mount-propagation", "an unbindable root cannot be bound", () => {
    const box = container((config) => {
      config.linux.rootfsPropagation = "unbindable";
      allowMounts(config);
    });
    box.probe("--bind", "/etc");

    expect(tried(box.see(), "bind", "/etc").error).toBe("EINVAL");
  });

  shows(
    "config-linux.md#rootfs-mount-propagation",
    "no mount of the container reaches the host",
    () => {
      for (const value of [undefined, "private", "slave", "shared", "unbindable"]) {
        const before = readMounts().length;
        const box = container((config) => {
          if (value !== undefined) config.linux.rootfsPropagation = value;
          allowMounts(config);
        });
        box.probe("--mount", "/tmp");

        expect(tried(box.see(), "mount", "/tmp").error).toBe("");

        expect(readMounts().length).toBe(before);
      }
    },
  );

  shows("config-linux.md#rootfs-mount-propagation", "a value that there is not is refused", () => {
    const box = container((config) => {
      config.linux.rootfsPropagation = "public";
    });

    expectRefusal(box.attempt("create"), /rootfsPropagation|public/);

    expect(box.leftovers()).toEqual([]);
  });

  shows("runtime.md#create", "--no-pivot runs the same container", () => {
    const box = container();
    box.probe("--list", "/", "--create", "/file");

    const seen = box.see(["--no-pivot"]);

    expect(seen.pid).toBe(1);
    expect(tried(seen, "list", "/").entries?.sort()).toEqual([
      "bin",
      "dev",
      "etc",
      "probe",
      "proc",
      "sys",
      "tmp",
    ]);
    expect(tried(seen, "create", "/file").error).toBe("EROFS");
  });

  shows("runtime.md#create", "the host's root as root.path is refused", () => {
    const box = container((config) => {
      config.root = { path: "/", readonly: true };
      config.mounts = [];
      processOf(config).args = ["/bin/true"];
    });

    expectRefusal(box.attempt("create"));

    expect(box.leftovers()).toEqual([]);
  });
});

function allowMounts(config: Parameters<typeof processOf>[0]): void {
  const names = ["CAP_SYS_ADMIN"];
  processOf(config).capabilities = { bounding: names, effective: names, permitted: names };
}
