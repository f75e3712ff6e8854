import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Config, withoutMountsBelow } from "../support/config";
import type { Container } from "../support/container";
import { programPath } from "../support/environment";
import { tellFigure } from "../support/figures.mjs";
import { tried } from "../support/report";
import { expectRefusal, isolated } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

/** What is no root, and what the refusal says of it. */
const noRoots: Record<string, { make: (path: string) => void; says: RegExp }> = {
  "that is missing": { make: () => {}, says: /no such|not exist/i },
  "that is a file": { make: (path) => writeFileSync(path, ""), says: /not a directory/ },
  "that is a FIFO": {
    make: (path) => execFileSync("mkfifo", [path]),
    says: /not a directory/,
  },
  "that is a socket": {
    make: (path) => execFileSync(programPath("probe"), ["--quiet", "--socket", path]),
    says: /not a directory/,
  },
  "that is a device": {
    make: (path) => execFileSync("mknod", [path, "c", "1", "5"]),
    says: /not a directory/,
  },
  "that is a link to itself": {
    make: (path) => symlinkSync("rootfs", path),
    says: /symbolic links/,
  },
  "that is a link to what is missing": {
    make: (path) => symlinkSync("missing", path),
    says: /no such|not exist/i,
  },
  "that is a link to the host's root": { make: (path) => symlinkSync("/", path), says: /root/ },
  "that is a link through /proc to the host's root": {
    make: (path) => symlinkSync("/proc/self/root", path),
    says: /root/,
  },
  "that is an empty directory": { make: (path) => mkdirSync(path), says: /\/probe|not found/ },
};

interface FileSystem {
  /** What happens to it once the image is in it. */
  readonly spoil: string;
  readonly edit?: (config: Config) => void;
  /** What the refusal says; without, it is a container. */
  readonly says?: RegExp;
}

const missingMountPoint = (config: Config) => {
  config.root = { path: "rootfs" };
  config.mounts.push({ destination: "/missing", type: "tmpfs", source: "tmpfs" });
};

/** File systems that a root can be on, each of which takes something away. */
const fileSystems: Record<string, FileSystem> = {
  "a read-only file system": { spoil: "mount -o remount,ro rootfs" },
  "a read-only file system without a mount point": {
    spoil: "mount -o remount,ro rootfs",
    edit: missingMountPoint,
    says: /"\/missing".*(EROFS|read-only file system)|read-only file system/,
  },
  "a file system without a free block": { spoil: "cat /dev/zero >rootfs/full || :" },
  "a file system without a free inode": {
    spoil: "i=0; while mkdir rootfs/tmp/$i; do i=$((i + 1)); done",
    edit: missingMountPoint,
    says: /(ENOSPC|no space left)/,
  },
  "a file system that executes nothing": {
    spoil: "mount -o remount,noexec rootfs",
    says: /permission denied/,
  },
  "a file system without set-id bits": { spoil: "mount -o remount,nosuid rootfs" },
  "a file system that opens no devices": {
    spoil: "mount -o remount,nodev rootfs",
    edit: (config) => withoutMountsBelow(config, "/dev"),
    says: /"?\/dev\/null.*(EACCES|permission denied)/,
  },
  "a file system that follows no links": {
    spoil: "mount -o remount,nosymfollow rootfs",
  },
};

/** Runs a command where the image of a bundle is on a small tmpfs of its own. */
function onFileSystem({ bundleDir }: Container, { spoil }: FileSystem): string[] {
  const lay = "mount -t tmpfs -o size=4m,nr_inodes=64 tmpfs rootfs && cp -a image/. rootfs";
  const line = `cd ${bundleDir} && { ${lay}; ${spoil}; } >/dev/null 2>&1; exec "$@"`;
  return [...isolated, "sh", "-c", line, "sh"];
}

rootSuite("hostile: what a root may be", () => {
  const container = useContainers();

  for (const [what, { make, says }] of Object.entries(noRoots)) {
    shows("config.md#root", `a root ${what} is refused`, () => {
      const box = container((config) => {
        config.root = { path: "rootfs" };
      });
      rmSync(box.rootfsDir, { recursive: true });
      make(box.rootfsDir);

      expectRefusal(box.attempt("run", [], { timeoutMs: 10_000 }), says);

      expect(box.leftovers()).toEqual([]);
    });
  }

  for (const [what, fileSystem] of Object.entries(fileSystems)) {
    const { edit = () => {}, says } = fileSystem;
    const end = says === undefined ? "is a container's root" : "is refused as the root";
    shows("config.md#root", `${what} ${end}`, () => {
      const box = container(edit);
      cpSync(box.rootfsDir, join(box.bundleDir, "image"), { recursive: true });
      box.probe("--stat", "/dev/null", "--list", "/tmp");
      const call = { through: onFileSystem(box, fileSystem), timeoutMs: 10_000 };

      if (says === undefined) {
        const seen = box.see([], call);
        expect(seen.pid).toBe(1);
        expect(tried(seen, "stat", "/dev/null")).toMatchObject({ rdev: "1:3" });
      } else {
        expectRefusal(box.attempt("run", [], call), says);
      }

      expect(box.leftovers()).toEqual([]);
    });
  }

  for (const destination of ["/../../../../../..", "/tmp/../../../../.."]) {
    shows(
      "CVE-2019-18837",
      `the mount point ${destination}OUTSIDE is below the root or nowhere`,
      () => {
        const box = container((config, { dir }) => {
          config.root = { path: "rootfs" };
          config.mounts.push({
            destination: `${destination}${dir}/made`,
            type: "tmpfs",
            source: "tmpfs",
          });
          config.mounts.push({
            destination: `${destination}${dir}/file`,
            source: "/etc/hostname",
            options: ["bind"],
          });
        });

        box.attempt("run");

        expect([existsSync(join(box.dir, "made")), existsSync(join(box.dir, "file"))]).toEqual([
          false,
          false,
        ]);
        expect(box.leftovers()).toEqual([]);
      },
    );
  }

  afterAll(() => {
    const roots = Object.keys(noRoots).length + Object.keys(fileSystems).length;
    tellFigure("hostile", "odd roots and file systems tried", roots);
  });
});
