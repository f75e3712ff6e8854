import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { useBackground } from "../support/background";
import { type Mount, withoutNamespace, withUserNamespace } from "../support/config";
import type { Container } from "../support/container";
import { mountAt } from "../support/report";
import { callRuntime, expectRefusal, isolated, type Outcome } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

/** What the host has of the container's and its bundle's mounts. */
const hostMounts = (box: Container) =>
  readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => line.includes(box.dir));

function attempt(box: Container, action: "add" | "remove", mounts: readonly Mount[]): Outcome {
  const file = join(box.dir, "mounts.json");
  writeFileSync(file, JSON.stringify(mounts));
  return callRuntime(["--root", box.stateRoot, "mounts", action, box.id, file]);
}

/** It works, says nothing, and leaves the host's mounts alone. */
function change(box: Container, action: "add" | "remove", mounts: readonly Mount[]): void {
  const before = hostMounts(box);
  const { status, stdout, stderr } = attempt(box, action, mounts);
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "", stderr: "" });
  expect(hostMounts(box)).toEqual(before);
}

/** A directory with a file, and a file, of the host. */
function sourcesOf(box: Container): { dir: string; file: string } {
  const dir = join(box.dir, "source");
  mkdirSync(dir);
  writeFileSync(join(dir, "inside"), "in the directory");
  writeFileSync(join(box.dir, "source-file"), "a file");
  return { dir, file: join(box.dir, "source-file") };
}

const readBy = (box: Container, path: string) =>
  box.seeExec([], ["--read", path]).tries[0]?.content;
const targetsOf = (box: Container) => box.seeExec().mounts.map(({ target }) => target);

rootSuite("mounts: into a container that lives", () => {
  const container = useContainers();
  const { start } = useBackground();

  for (const kind of ["the driver's", "a new"]) {
    shows(
      "peers",
      `in ${kind} user namespace they come and go`,
      () => {
        const box = container((config) => {
          config.root = { path: "rootfs" };
          if (kind === "a new") withUserNamespace(config);
        });
        for (const name of ["dir", "scratch"]) mkdirSync(join(box.rootfsDir, name));
        writeFileSync(join(box.rootfsDir, "file"), "");
        const { dir, file } = sourcesOf(box);
        box.runWaiting();
        const mounts: Mount[] = [
          { destination: "/dir", source: dir, options: ["bind", "ro"] },
          { destination: "/file", source: file, options: ["bind", "nosuid"] },
          {
            destination: "/scratch",
            type: "tmpfs",
            source: "tmpfs",
            options: ["size=64k", "noexec"],
          },
        ];

        change(box, "add", mounts);

        const seen = box.seeExec();
        expect(mountAt(seen, "/dir").options.split(",")).toContain("ro");
        expect(mountAt(seen, "/file").options.split(",")).toContain("nosuid");
        expect(mountAt(seen, "/scratch")).toMatchObject({
          type: "tmpfs",
          options: expect.stringContaining("noexec"),
          superOptions: expect.stringContaining("size=64k"),
        });
        expect(readBy(box, "/dir/inside")).toBe("in the directory");
        expect(readBy(box, "/file")).toBe("a file");

        change(box, "remove", mounts);

        for (const { destination } of mounts) expect(targetsOf(box)).not.toContain(destination);
        expect(readBy(box, "/file")).toBe("");
      },
      kind === "a new" ? ["user namespaces"] : [],
    );
  }

  shows("peers", "a created and a paused container take them too", () => {
    const box = container();
    const { dir } = sourcesOf(box);
    mkdirSync(join(box.rootfsDir, "dir"));
    const mounts = [{ destination: "/dir", source: dir, options: ["bind"] }];
    box.probe("--wait");
    box.do("create");

    change(box, "add", mounts);
    box.do("start");
    expect(mountAt(box.report(), "/dir").root).toMatch(/\/source$/);
    box.do("pause");
    change(box, "remove", mounts);
    box.do("resume");

    expect(targetsOf(box)).not.toContain("/dir");
  });

  shows("peers", "a relative source counts from the bundle", () => {
    const box = container();
    mkdirSync(join(box.bundleDir, "data"));
    writeFileSync(join(box.bundleDir, "data/inside"), "of the bundle");
    mkdirSync(join(box.rootfsDir, "dir"));
    box.runWaiting();

    change(box, "add", [{ destination: "/dir", source: "data", options: ["bind"] }]);

    expect(readBy(box, "/dir/inside")).toBe("of the bundle");
  });

  shows("peers", "mounts upon each other go as they came", () => {
    const box = container();
    mkdirSync(join(box.rootfsDir, "a"));
    box.runWaiting();
    const tmpfs = { type: "tmpfs", source: "tmpfs" };
    const mounts = ["/a", "/a/b", "/a/b"].map((destination) => ({ ...tmpfs, destination }));

    change(box, "add", mounts);
    expect(targetsOf(box).filter((target) => target.startsWith("/a"))).toEqual([
      "/a",
      "/a/b",
      "/a/b",
    ]);
    change(box, "remove", mounts);

    expect(targetsOf(box).filter((target) => target.startsWith("/a"))).toEqual([]);
  });

  shows("peers", "when one of them is refused none stays", () => {
    const box = container((config) => {
      config.root = { path: "rootfs" };
    });
    const { dir, file } = sourcesOf(box);
    mkdirSync(join(box.rootfsDir, "dir"));
    writeFileSync(join(box.rootfsDir, "file"), "");
    box.runWaiting();
    const before = targetsOf(box);
    const fine = [
      { destination: "/dir", source: dir, options: ["bind"] },
      { destination: "/file", source: file, options: ["bind"] },
    ];
    const bad: readonly [Mount, string][] = [
      [{ destination: "/dir", source: `${dir}/none`, options: ["bind"] }, `${dir}/none`],
      [{ destination: "/file", type: "tmpfs", source: "tmpfs" }, "/file"],
      [{ destination: "/dir", type: "tmpfs", source: "tmpfs", options: ["colour=red"] }, "colour"],
      [{ destination: "/proc/self", source: dir, options: ["bind"] }, "/0/destination"],
      [{ destination: "/x", type: "proc", source: "proc" }, "masked"],
    ];

    for (const [mount, words] of bad) {
      const list = words.startsWith("/0") ? [mount, ...fine] : [...fine, mount];
      expectRefusal(attempt(box, "add", list), words);
      expect(targetsOf(box)).toEqual(before);
    }
  });

  shows("peers", "what is no mount is not removed, nor is anything else then", () => {
    const box = container();
    mkdirSync(join(box.rootfsDir, "a"));
    box.runWaiting();
    const tmpfs = { type: "tmpfs", source: "tmpfs" };
    change(box, "add", [{ ...tmpfs, destination: "/a" }]);

    for (const destination of ["/etc", "/"]) {
      const both = [
        { ...tmpfs, destination: "/a" },
        { ...tmpfs, destination },
      ];
      const words = destination === "/" ? "is the container's root" : "is not a mount point";
      expectRefusal(attempt(box, "remove", both), words);
    }
    expectRefusal(attempt(box, "remove", [{ ...tmpfs, destination: "/none" }]), "ENOENT");

    expect(targetsOf(box)).toContain("/a");
  });

  shows("CVE-2021-30465", "a link in the container's tree leads nowhere else", () => {
    const box = container((config) => {
      config.root = { path: "rootfs" };
    });
    const { dir } = sourcesOf(box);
    const outside = join(box.dir, "outside");
    mkdirSync(outside);
    symlinkSync(`../../../../../../../../../..${outside}`, join(box.rootfsDir, "way"));
    box.runWaiting();
    const mounts = [{ destination: "/way/made", source: dir, options: ["bind"] }];

    change(box, "add", mounts);

    expect(existsSync(join(outside, "made"))).toBe(false);
    expect(existsSync(join(box.rootfsDir, outside, "made"))).toBe(true);
    change(box, "remove", mounts);
    expect(targetsOf(box)).not.toContain(`${outside}/made`);
  });

  shows("CVE-2021-30465", "links that change all the time lead nowhere else either", () => {
    const box = container((config) => {
      config.root = { path: "rootfs" };
    });
    const { dir } = sourcesOf(box);
    const outside = join(box.dir, "outside");
    mkdirSync(join(outside, "sub"), { recursive: true });
    mkdirSync(join(box.rootfsDir, "place/sub"), { recursive: true });
    symlinkSync(outside, join(box.rootfsDir, "link"));
    box.runWaiting();
    const swap = `cd ${box.rootfsDir}; while :; do mv -T place kept && mv -T link place && mv -T place link && mv -T kept place; done`;
    start("sh", ["-c", swap]);
    const before = hostMounts(box);
    const mounts = [{ destination: "/place/sub", source: dir, options: ["bind"] }];

    let added = 0;
    for (let round = 0; round < 20; round += 1) {
      // Either may lose against the links; what counts is where nothing may ever land.
      if (attempt(box, "add", mounts).status === 0) added += 1;
      expect(hostMounts(box)).toEqual(before);
      expect(existsSync(join(outside, "sub/inside"))).toBe(false);
      attempt(box, "remove", mounts);
    }
    expect(added).toBeGreaterThan(0);
  });

  shows(
    "peers",
    "a container without a mount namespace of its own, or without processes, is refused",
    () => {
      const shared = container((config) => {
        withoutNamespace(config, "mount");
        config.mounts = [];
        delete config.linux.maskedPaths;
        delete config.linux.readonlyPaths;
        config.root = { path: "rootfs" };
      });
      const stopped = container();
      stopped.do("run", ["--keep"]);
      const mounts = [{ destination: "/a", type: "tmpfs", source: "tmpfs" }];
      shared.probe("--quiet", "--wait");
      shared.do("run", ["--detach"], { through: isolated });
      const before = hostMounts(shared);

      expectRefusal(attempt(shared, "add", mounts), "no mount namespace of its own");
      expectRefusal(attempt(stopped, "add", mounts), "container not running");

      expect(hostMounts(shared)).toEqual(before);
    },
  );
});
