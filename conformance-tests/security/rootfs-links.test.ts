import { execFileSync } from "node:child_process";
import {
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { useBackground } from "../support/background";
import { processOf, withoutMountsBelow } from "../support/config";
import type { Container } from "../support/container";
import { patience, programPath } from "../support/environment";
import { isAlive } from "../support/host";
import { expectRefusal } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

/** A directory of the host that an image must not reach, and how to get there from a rootfs. */
function outsideOf(box: Container): { outside: string; climb: string } {
  const outside = join(box.dir, "outside");
  mkdirSync(outside, { recursive: true });
  return { outside, climb: `../../../../../../../../../..${outside}` };
}

rootSuite("security: an image that lays links", () => {
  const container = useContainers();
  const { start } = useBackground();

  for (const name of ["proc", "sys"]) {
    shows("CVE-2019-19921", `a rootfs whose /${name} is a symlink is refused`, () => {
      const box = container();
      rmSync(join(box.rootfsDir, name), { recursive: true });
      mkdirSync(join(box.rootfsDir, "elsewhere"));
      symlinkSync("/elsewhere", join(box.rootfsDir, name));

      expectRefusal(box.attempt("run"), "must be mounted on ordinary directory");

      expect(box.leftovers()).toEqual([]);
    });
  }

  shows(
    "CVE-2019-18837",
    "a file that is bound on a symlink does not appear where it leads",
    () => {
      const box = container();
      const { outside, climb } = outsideOf(box);
      symlinkSync(`${climb}/made`, join(box.rootfsDir, "etc/resolv.conf"));
      box.config.root = { path: "rootfs" };
      box.config.mounts.push({
        destination: "/etc/resolv.conf",
        source: "/etc/passwd",
        options: ["bind"],
      });
      box.writeConfig();

      box.attempt("run");

      expect(readdirSync(outside)).toEqual([]);
    },
  );

  shows("CVE-2019-18837", "a device whose path climbs is made in the rootfs or not at all", () => {
    const box = container();
    const { outside, climb } = outsideOf(box);
    box.config.root = { path: "rootfs" };
    box.config.linux.devices = [{ type: "c", path: `/dev/${climb}/node`, major: 1, minor: 3 }];
    box.writeConfig();

    box.attempt("run");

    expect(readdirSync(outside)).toEqual([]);
  });

  shows("CVE-2026-41579", "a /dev that is a symlink leads nowhere outside", () => {
    const box = container();
    const { outside, climb } = outsideOf(box);
    writeFileSync(join(outside, "ptmx"), "mine");
    rmSync(join(box.rootfsDir, "dev"), { recursive: true });
    symlinkSync(climb, join(box.rootfsDir, "dev"));
    withoutMountsBelow(box.config, "/dev");
    box.config.root = { path: "rootfs" };
    box.writeConfig();

    box.attempt("run");

    expect(readdirSync(outside)).toEqual(["ptmx"]);
    expect(readFileSync(join(outside, "ptmx"), "utf8")).toBe("mine");
  });

  shows(
    "CVE-2026-88265",
    "a /dev/null that is a symlink to a file gets neither output nor owner",
    () => {
      const box = container();
      withoutMountsBelow(box.config, "/dev");
      box.config.root = { path: "rootfs" };
      const file = join(box.rootfsDir, "etc/victim");
      writeFileSync(file, "1234567");
      chownSync(file, 7, 7);
      symlinkSync("/etc/victim", join(box.rootfsDir, "dev/null"));
      processOf(box.config).user = { uid: 1000, gid: 1000 };
      box.writeConfig();

      box.attempt("run");

      expect(readFileSync(file, "utf8")).toBe("1234567");
      expect(statSync(file).uid).toBe(7);
    },
  );

  shows("CVE-2025-31133", "a mask is never made of what the image puts at /dev/null", () => {
    const box = container();
    withoutMountsBelow(box.config, "/dev");
    box.config.root = { path: "rootfs" };
    writeFileSync(join(box.rootfsDir, "etc/masked"), "MASKED TEXT");
    writeFileSync(join(box.rootfsDir, "etc/source"), "SOURCE TEXT");
    symlinkSync("/etc/source", join(box.rootfsDir, "dev/null"));
    box.config.linux.maskedPaths = ["/etc/masked"];
    const shared = box.share("/shared");
    box.probe("--write", "/etc/masked", "--read", "/etc/masked", "--out", "/shared/report");

    box.attempt("run");

    expect(readFileSync(join(box.rootfsDir, "etc/source"), "utf8")).toBe("SOURCE TEXT");
    const report = readdirSync(shared).includes("report")
      ? readFileSync(join(shared, "report"), "utf8")
      : "";
    expect(report).not.toContain("MASKED TEXT");
  });

  for (const [what, command] of Object.entries({
    "exchanges /dev/null for a symlink": "rm $ROOTFS/dev/null; ln -s /etc/source $ROOTFS/dev/null",
    "removes /dev/null": "rm $ROOTFS/dev/null",
  })) {
    shows("CVE-2025-31133", `a hook that ${what} does not undo a mask`, () => {
      const box = container();
      box.config.root = { path: "rootfs" };
      writeFileSync(join(box.rootfsDir, "etc/masked"), "MASKED TEXT");
      writeFileSync(join(box.rootfsDir, "etc/source"), "SOURCE TEXT");
      box.config.linux.maskedPaths = ["/etc/masked"];
      box.config.hooks = {
        createContainer: [
          {
            path: "/bin/sh",
            args: ["sh", "-c", command],
            env: [`ROOTFS=${box.rootfsDir}`, "PATH=/bin:/usr/bin"],
          },
        ],
      };
      const shared = box.share("/shared");
      box.probe("--write", "/etc/masked", "--read", "/etc/masked", "--out", "/shared/report");

      box.attempt("run");

      expect(readFileSync(join(box.rootfsDir, "etc/source"), "utf8")).toBe("SOURCE TEXT");
      const report = readdirSync(shared).includes("report")
        ? readFileSync(join(shared, "report"), "utf8")
        : "";
      expect(report).not.toContain("MASKED TEXT");
    });
  }

  shows(
    "GHSA-3q8j-pf29-vwv8",
    "a read-only path that is exchanged for a symlink does not leave the file writable",
    () => {
      const box = container();
      box.config.root = { path: "rootfs" };
      writeFileSync(join(box.rootfsDir, "etc/kept"), "kept");
      writeFileSync(join(box.rootfsDir, "etc/other"), "other");
      box.config.linux.readonlyPaths = ["/etc/kept"];
      box.config.hooks = {
        createContainer: [
          {
            path: "/bin/sh",
            args: [
              "sh",
              "-c",
              "mv $ROOTFS/etc/kept $ROOTFS/etc/moved; ln -s /etc/moved $ROOTFS/etc/kept",
            ],
            env: [`ROOTFS=${box.rootfsDir}`, "PATH=/bin:/usr/bin"],
          },
        ],
      };
      box.probe("--write", "/etc/kept");

      const outcome = box.attempt("run");

      if (outcome.status === 0)
        expect(outcome.stdout).toMatch(/"operation":"write","path":"\/etc\/kept","error":"EROFS"/);
      expect(readFileSync(join(box.rootfsDir, "etc/moved"), "utf8")).toBe("kept");
    },
  );

  shows(
    "CVE-2021-30465",
    "a mount destination that is exchanged for a symlink all the time leads nowhere outside",
    async () => {
      const box = container();
      const { outside, climb } = outsideOf(box);
      const volume = join(box.dir, "volume");
      mkdirSync(join(volume, "x"), { recursive: true });
      symlinkSync(climb, join(volume, "xl"));
      box.config.root = { path: "rootfs" };
      box.config.mounts.push(
        { destination: "/vol", source: volume, options: ["rbind"] },
        { destination: "/vol/x/y", type: "tmpfs", source: "tmpfs" },
        { destination: "/vol/x/f", source: "/etc/passwd", options: ["bind"] },
      );
      box.writeConfig();
      const attacker = start(programPath("probe"), [
        "--quiet",
        "--exchange",
        join(volume, "x"),
        join(volume, "xl"),
      ]);

      // A slow machine leaves the attacker as much time in fewer runs.
      const runs = Math.max(6, Math.round(60 / patience));
      const outcomes = Array.from({ length: runs }, () => box.attempt("run").status);

      expect(isAlive(attacker.pid)).toBe(true);
      attacker.kill("SIGKILL");
      await attacker.end();
      expect(readdirSync(outside)).toEqual([]);
      expect(outcomes.every((status) => status === 0 || status === 1)).toBe(true);
    },
  );

  shows(
    "CVE-2024-21626",
    "a working directory that goes through a descriptor does not lead out",
    () => {
      for (let fd = 3; fd <= 12; fd++) {
        const box = container((config) => {
          processOf(config).cwd = `/proc/self/fd/${fd}`;
        });
        box.probe("--read", "../../../../../../../../etc/passwd");

        const outcome = box.attempt("run");

        if (outcome.status === 0) expect(outcome.stdout).not.toContain("root:x:0:0");
        else expectRefusal(outcome, /cwd|change directory|\/proc\/self\/fd/);
        expect(box.leftovers()).toEqual([]);
      }
    },
  );

  shows(
    "CVE-2024-9676",
    "an /etc/passwd that is a FIFO or a link to the host's hangs nothing and tells nothing",
    () => {
      for (const make of [
        (path: string) => execFileSync("mkfifo", [path]),
        (path: string) => symlinkSync("../../../../../../../../etc/passwd", path),
        (path: string) => symlinkSync("/dev/zero", path),
      ]) {
        const box = container((config) => {
          processOf(config).env = ["PATH=/"];
          processOf(config).user = { uid: 1000, gid: 1000 };
        });
        make(join(box.rootfsDir, "etc/passwd"));

        const outcome = box.attempt("run", [], { timeoutMs: 10_000 });

        expect(outcome.timedOut).toBe(false);
        expect(box.leftovers()).toEqual([]);
      }
    },
  );
});
