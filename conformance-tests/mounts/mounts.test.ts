import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { mountAt, tried } from "../support/report";
import { expectRefusal } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

rootSuite("mounts", () => {
  const container = useContainers();

  shows("config.md#mounts", "mounts are made in the listed order", () => {
    const box = container((config) => {
      config.mounts.push(
        { destination: "/tmp", type: "tmpfs", source: "first" },
        { destination: "/tmp/below", type: "tmpfs", source: "second" },
        { destination: "/tmp", type: "tmpfs", source: "third" },
      );
    });
    box.probe("--list", "/tmp");

    const seen = box.see();

    const sources = seen.mounts
      .filter(({ target }) => target.startsWith("/tmp"))
      .map(({ source }) => source);
    expect(sources).toEqual(["first", "second", "third"]);
    expect(tried(seen, "list", "/tmp").entries).toEqual([]);
  });

  shows("config-linux.md#default-filesystems", "the usual file systems are of their types", () => {
    const seen = container().see();

    const types = Object.fromEntries(seen.mounts.map(({ target, type }) => [target, type]));
    expect(types).toMatchObject({
      "/proc": "proc",
      "/dev": "tmpfs",
      "/dev/pts": "devpts",
      "/dev/shm": "tmpfs",
      "/dev/mqueue": "mqueue",
      "/sys": "sysfs",
    });
  });

  shows("config.md#mounts", "a file can be bound on a file that is not there yet", () => {
    const box = container((config, { dir }) => {
      config.root = { path: "rootfs" };
      writeFileSync(join(dir, "file"), "bound");
      config.mounts.push({
        destination: "/new/deep/file",
        source: join(dir, "file"),
        options: ["bind"],
      });
    });
    box.probe("--read", "/new/deep/file");

    expect(tried(box.see(), "read", "/new/deep/file").content).toBe("bound");

    expect(statSync(join(box.rootfsDir, "new/deep/file")).isFile()).toBe(true);
    expect(statSync(join(box.rootfsDir, "new/deep")).mode & 0o7777).toBe(0o755);
  });

  shows("config.md#mounts", "a relative bind source is taken from the bundle", () => {
    const box = container((config, { bundleDir }) => {
      mkdirSync(join(bundleDir, "data"));
      writeFileSync(join(bundleDir, "data/file"), "from the bundle");
      config.mounts.push({ destination: "/tmp", source: "data", options: ["rbind"] });
    });
    box.probe("--read", "/tmp/file");

    expect(tried(box.see([], { cwd: "/" }), "read", "/tmp/file").content).toBe("from the bundle");
  });

  shows("config.md#mounts", "a relative destination is taken from the root", () => {
    const box = container((config) => {
      config.mounts.push({ destination: "tmp", type: "tmpfs", source: "relative" });
    });

    expect(mountAt(box.see(), "/tmp").source).toBe("relative");
  });

  for (const option of ["bind", "rbind"]) {
    shows("config.md#mounts", `${option} makes a bind mount whatever the type says`, () => {
      for (const type of [undefined, "bind", "none", "tmpfs", "nothing"]) {
        const box = container((config, { dir }) => {
          mkdirSync(join(dir, "source"));
          writeFileSync(join(dir, "source/file"), "bound");
          config.mounts.push({
            destination: "/tmp",
            source: join(dir, "source"),
            options: [option],
            ...(type === undefined ? {} : { type }),
          });
        });
        box.probe("--read", "/tmp/file");

        expect(tried(box.see(), "read", "/tmp/file").content).toBe("bound");
      }
    });
  }

  shows("config.md#mounts", "a bind source that is not there is refused, and not made", () => {
    const box = container((config, { dir }) => {
      config.mounts.push({ destination: "/tmp", source: join(dir, "missing"), options: ["bind"] });
    });

    expectRefusal(box.attempt("create"), "missing");

    expect(existsSync(join(box.dir, "missing"))).toBe(false);
    expect(box.leftovers()).toEqual([]);
  });

  shows(
    "config.md#mounts",
    "a directory cannot be bound on a file, nor a file on a directory",
    () => {
      for (const [source, destination] of [
        ["/etc", "/probe"],
        ["/etc/passwd", "/tmp"],
      ] as const) {
        const box = container((config) => {
          config.mounts.push({ destination, source, options: ["bind"] });
        });

        expectRefusal(box.attempt("create"), destination);

        expect(box.leftovers()).toEqual([]);
      }
    },
  );

  shows("config.md#mounts", "a mount without a destination is refused", () => {
    const box = container((config) => {
      config.mounts.push({ type: "tmpfs", source: "tmpfs" } as never);
    });

    expectRefusal(box.attempt("create"), "destination");

    expect(box.leftovers()).toEqual([]);
  });

  shows("config.md#mounts", "a destination that leads through symlinks stays in the rootfs", () => {
    const box = container((config, { rootfsDir, dir }) => {
      config.root = { path: "rootfs" };
      mkdirSync(join(dir, "outside"));
      symlinkSync(`../../../../../../../..${dir}/outside`, join(rootfsDir, "up"));
      symlinkSync("/etc", join(rootfsDir, "absolute"));
      config.mounts.push(
        { destination: "/up/here", type: "tmpfs", source: "climbing" },
        { destination: "/absolute/there", type: "tmpfs", source: "absolute" },
      );
    });

    const seen = box.see();

    expect(mountAt(seen, "/etc/there").source).toBe("absolute");
    expect(readdirSync(join(box.dir, "outside"))).toEqual([]);
  });

  shows("config.md#mounts", "a destination with .. stays in the rootfs", () => {
    const box = container((config) => {
      config.root = { path: "rootfs" };
      config.mounts.push({
        destination: "/../../../tmp/../etc/../tmp",
        type: "tmpfs",
        source: "dots",
      });
    });

    expect(mountAt(box.see(), "/tmp").source).toBe("dots");
  });

  shows("config.md#mounts", "a tmpfs takes mode and owner of the directory that it covers", () => {
    const box = container((config, { rootfsDir }) => {
      mkdirSync(join(rootfsDir, "covered"));
      chmodSync(join(rootfsDir, "covered"), 0o710);
      config.root = { path: "rootfs" };
      config.mounts.push(
        { destination: "/covered", type: "tmpfs", source: "tmpfs" },
        { destination: "/explicit", type: "tmpfs", source: "tmpfs", options: ["mode=700"] },
        { destination: "/fresh", type: "tmpfs", source: "tmpfs" },
      );
    });
    box.probe("--stat", "/covered", "--stat", "/explicit", "--stat", "/fresh");

    const seen = box.see();

    expect(tried(seen, "stat", "/covered").mode).toBe(0o710);
    expect(tried(seen, "stat", "/explicit").mode).toBe(0o700);
    expect(tried(seen, "stat", "/fresh").mode).toBe(0o1777);
  });

  shows("config.md#linux-mount-options", "tmpcopyup fills the tmpfs with what it covers", () => {
    const box = container((config, { rootfsDir }) => {
      const dir = join(rootfsDir, "covered");
      mkdirSync(join(dir, "sub"), { recursive: true });
      writeFileSync(join(dir, "file"), "copied", { mode: 0o640 });
      chownSync(join(dir, "file"), 12, 34);
      writeFileSync(join(dir, "sub/deep"), "copied too");
      symlinkSync("file", join(dir, "link"));
      chmodSync(join(dir, "sub"), 0o751);
      chownSync(join(dir, "sub"), 56, 78);
      config.mounts.push({
        destination: "/covered",
        type: "tmpfs",
        source: "tmpfs",
        options: ["tmpcopyup", "nosuid"],
      });
    });
    box.probe(
      "--read",
      "/covered/sub/deep",
      "--stat",
      "/covered/file",
      "--stat",
      "/covered/sub",
      "--stat",
      "/covered/link",
      "--create",
      "/covered/new",
    );

    const seen = box.see();

    expect(mountAt(seen, "/covered")).toMatchObject({ type: "tmpfs" });
    expect(mountAt(seen, "/covered").superOptions).not.toContain("tmpcopyup");
    expect(tried(seen, "read", "/covered/sub/deep").content).toBe("copied too");
    expect(tried(seen, "stat", "/covered/file")).toMatchObject({
      mode: 0o640,
      uid: 12,
      gid: 34,
      size: 6,
    });
    expect(tried(seen, "stat", "/covered/sub")).toMatchObject({ mode: 0o751, uid: 56, gid: 78 });
    expect(tried(seen, "stat", "/covered/link")).toMatchObject({ type: "symlink", target: "file" });
    expect(tried(seen, "create", "/covered/new").error).toBe("");
    expect(existsSync(join(box.rootfsDir, "covered/new"))).toBe(false);
  });

  shows(
    "config.md#linux-mount-options",
    "a tmpfs with tmpcopyup and ro is filled and then read-only",
    () => {
      const box = container((config, { rootfsDir }) => {
        mkdirSync(join(rootfsDir, "covered"));
        writeFileSync(join(rootfsDir, "covered/file"), "copied");
        config.mounts.push({
          destination: "/covered",
          type: "tmpfs",
          source: "tmpfs",
          options: ["tmpcopyup", "ro"],
        });
      });
      box.probe("--read", "/covered/file", "--create", "/covered/new");

      const seen = box.see();

      expect(tried(seen, "read", "/covered/file").content).toBe("copied");
      expect(tried(seen, "create", "/covered/new").error).toBe("EROFS");
    },
  );

  shows("config.md#mounts", "a failing mount leaves nothing behind", () => {
    const box = container((config, { dir }) => {
      mkdirSync(join(dir, "source"));
      config.mounts.push(
        { destination: "/tmp", source: join(dir, "source"), options: ["bind"] },
        { destination: "/etc", type: "tmpfs", source: "tmpfs", options: ["size=junk"] },
      );
    });

    expectRefusal(box.attempt("create"), "/etc");

    expect(box.leftovers()).toEqual([]);
  });

  shows("config.md#mounts", "hundreds of mounts are made", () => {
    const box = container((config) => {
      for (let index = 0; index < 300; index++) {
        config.mounts.push({
          destination: `/dev/shm/m${index}`,
          type: "tmpfs",
          source: "tmpfs",
          options: ["size=4k"],
        });
      }
    });

    const made = box.see().mounts.filter(({ target }) => target.startsWith("/dev/shm/m"));

    expect(made).toHaveLength(300);
  });
});
