import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { processOf, withoutMountsBelow } from "../support/config";
import { tried } from "../support/report";
import { expectRefusal } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

const defaultDevices: Record<string, string> = {
  "/dev/null": "1:3",
  "/dev/zero": "1:5",
  "/dev/full": "1:7",
  "/dev/random": "1:8",
  "/dev/urandom": "1:9",
  "/dev/tty": "5:0",
};

const links: Record<string, string> = {
  "/dev/fd": "/proc/self/fd",
  "/dev/stdin": "/proc/self/fd/0",
  "/dev/stdout": "/proc/self/fd/1",
  "/dev/stderr": "/proc/self/fd/2",
};

rootSuite("rootfs: devices", () => {
  const container = useContainers();

  shows("config-linux.md#default-devices", "the default devices are there for everybody", () => {
    const box = container();
    box.probe(...Object.keys(defaultDevices).flatMap((path) => ["--stat", path, "--open", path]));

    const seen = box.see();

    for (const [path, rdev] of Object.entries(defaultDevices)) {
      expect(tried(seen, "stat", path)).toMatchObject({
        error: "",
        type: "character",
        rdev,
        mode: 0o666,
        uid: 0,
        gid: 0,
      });
      // There is no terminal that /dev/tty could stand for.
      expect(tried(seen, "open", path).error).toBe(path === "/dev/tty" ? "ENXIO" : "");
    }
  });

  shows("config-linux.md#default-devices", "the umask does not change the modes of devices", () => {
    const box = container((config) => {
      processOf(config).user.umask = 0o077;
      config.linux.devices = [
        { type: "c", path: "/dev/some", major: 1, minor: 3, fileMode: 0o666 },
      ];
    });
    box.probe("--stat", "/dev/null", "--stat", "/dev/some");

    const seen = box.see();

    expect(tried(seen, "stat", "/dev/null").mode).toBe(0o666);
    expect(tried(seen, "stat", "/dev/some").mode).toBe(0o666);
  });

  shows("runtime-linux.md#dev-symbolic-links", "/dev has the links to the standard streams", () => {
    const box = container();
    box.probe(...Object.keys(links).flatMap((path) => ["--stat", path]));

    const seen = box.see();

    for (const [path, target] of Object.entries(links)) {
      expect(tried(seen, "stat", path)).toMatchObject({ type: "symlink", target });
    }
  });

  shows("config-linux.md#default-devices", "/dev/ptmx is that of the container's devpts", () => {
    const box = container();
    box.probe("--stat", "/dev/ptmx", "--stat", "/dev/pts/ptmx", "--open", "/dev/ptmx");

    const seen = box.see();

    const node = tried(seen, "stat", "/dev/ptmx");
    const isLink = node.type === "symlink" && /^(\/dev\/)?pts\/ptmx$/.test(node.target ?? "");
    const isSame = node.inode === tried(seen, "stat", "/dev/pts/ptmx").inode;
    expect(isLink || isSame).toBe(true);
    expect(tried(seen, "open", "/dev/ptmx").error).toBe("");
  });

  shows("config-linux.md#default-devices", "without a terminal there is no /dev/console", () => {
    const box = container();
    box.probe("--stat", "/dev/console");

    expect(tried(box.see(), "stat", "/dev/console").error).toBe("ENOENT");
  });

  shows(
    "config-linux.md#default-devices",
    "the default devices are there without a mount on /dev, too",
    () => {
      const box = container((config) => {
        withoutMountsBelow(config, "/dev");
        config.root = { path: "rootfs" };
      });
      box.probe("--stat", "/dev/null", "--open", "/dev/zero", "--stat", "/dev/fd");

      const seen = box.see();

      expect(tried(seen, "stat", "/dev/null")).toMatchObject({ type: "character", rdev: "1:3" });
      expect(tried(seen, "open", "/dev/zero").error).toBe("");
      expect(tried(seen, "stat", "/dev/fd").target).toBe("/proc/self/fd");
    },
  );

  shows(
    "config-linux.md#devices",
    "devices of the config are made with their mode and owner",
    () => {
      const box = container((config) => {
        config.linux.devices = [
          { type: "c", path: "/dev/char", major: 1, minor: 3, fileMode: 0o20640, uid: 12, gid: 34 },
          { type: "u", path: "/dev/unbuffered", major: 1, minor: 5 },
          { type: "b", path: "/dev/block", major: 7, minor: 200, fileMode: 0o600 },
          { type: "p", path: "/dev/pipe", fileMode: 0o622 },
          { type: "c", path: "/dev/deep/down/null", major: 1, minor: 3, fileMode: 0o666 },
        ];
      });
      box.probe(
        "--stat",
        "/dev/char",
        "--stat",
        "/dev/unbuffered",
        "--stat",
        "/dev/block",
        "--stat",
        "/dev/pipe",
        "--stat",
        "/dev/deep/down/null",
      );

      const seen = box.see();

      expect(tried(seen, "stat", "/dev/char")).toMatchObject({
        type: "character",
        rdev: "1:3",
        mode: 0o640,
        uid: 12,
        gid: 34,
      });
      expect(tried(seen, "stat", "/dev/unbuffered")).toMatchObject({
        type: "character",
        rdev: "1:5",
      });
      expect(tried(seen, "stat", "/dev/block")).toMatchObject({
        type: "block",
        rdev: "7:200",
        mode: 0o600,
      });
      expect(tried(seen, "stat", "/dev/pipe")).toMatchObject({ type: "fifo", mode: 0o622 });
      expect(tried(seen, "stat", "/dev/deep/down/null")).toMatchObject({
        type: "character",
        rdev: "1:3",
      });
    },
  );

  shows("config-linux.md#devices", "a device may lie outside /dev", () => {
    const box = container((config) => {
      config.root = { path: "rootfs" };
      config.linux.devices = [
        { type: "c", path: "/some/where", major: 1, minor: 3, fileMode: 0o666 },
      ];
    });
    box.probe("--stat", "/some/where", "--open", "/some/where");

    const seen = box.see();

    expect(tried(seen, "stat", "/some/where")).toMatchObject({ type: "character", rdev: "1:3" });
    expect(tried(seen, "open", "/some/where").error).toBe("");
  });

  shows("config-linux.md#devices", "a default device may be listed, and be listed twice", () => {
    const box = container((config) => {
      const device = { type: "c", path: "/dev/tty", major: 5, minor: 0, fileMode: 0o666 };
      config.linux.devices = [device, device, { type: "c", path: "/dev/ptmx", major: 5, minor: 2 }];
    });
    box.probe("--stat", "/dev/tty");

    expect(tried(box.see(), "stat", "/dev/tty")).toMatchObject({ type: "character", rdev: "5:0" });
  });

  for (const [what, make] of Object.entries({
    "a file": (path: string) => writeFileSync(path, ""),
    "a directory": (path: string) => mkdirSync(path),
    "a symlink": (path: string) => symlinkSync("/etc", path),
  })) {
    shows("config-linux.md#devices", `${what} where a listed device should be is refused`, () => {
      const box = container((config, { rootfsDir }) => {
        config.root = { path: "rootfs" };
        make(join(rootfsDir, "node"));
        config.linux.devices = [{ type: "c", path: "/node", major: 1, minor: 3 }];
      });

      expectRefusal(box.attempt("create"), "/node");

      expect(box.leftovers()).toEqual([]);
    });
  }

  for (const [what, device] of Object.entries({
    "an unknown type": { type: "x", path: "/dev/x", major: 1, minor: 3 },
    "no major number": { type: "c", path: "/dev/x", minor: 3 },
    "no path": { type: "c", path: "", major: 1, minor: 3 },
    "a mode above 0777": { type: "c", path: "/dev/x", major: 1, minor: 3, fileMode: 0o1777 },
  })) {
    shows("config-linux.md#devices", `a device with ${what} is refused`, () => {
      const box = container((config) => {
        config.linux.devices = [device];
      });

      expectRefusal(box.attempt("create"), "devices");

      expect(box.leftovers()).toEqual([]);
    });
  }

  shows(
    "config-linux.md#default-devices",
    "a /dev that is bound from elsewhere is left as it is",
    () => {
      const box = container();
      const dev = mkdtempSync(join(box.dir, "dev-"));
      mkdirSync(join(dev, "only-this"));
      withoutMountsBelow(box.config, "/dev");
      box.config.mounts.push({ destination: "/dev", source: dev, options: ["bind", "ro"] });
      box.probe("--list", "/dev");

      expect(tried(box.see(), "list", "/dev").entries).toEqual(["only-this"]);
    },
  );
});
