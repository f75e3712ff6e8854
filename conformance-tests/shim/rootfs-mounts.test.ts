import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryDir, scratchDir } from "../support/environment";
import { rootSuite, shows } from "../support/shows";

const promise = "a shim mounts what containerd asks for";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(scratchDir(), "rootfs-"));
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});

/** What the program below says, in mount namespaces that end with it. */
function run(body: string): Record<string, unknown> {
  const prologue = `
    const fs = require("node:fs");
    const { execFileSync } = require("node:child_process");
    const built = ${JSON.stringify(join(repositoryDir, "build/js"))};
    const addon = require(built + "/addon/addon.js").loadAddon();
    const shim = require(built + "/shim/rootfs-mounts.js");
    const dir = ${JSON.stringify(dir)};
    const rootfs = dir + "/rootfs";
    const make = (name, files = {}) => {
      fs.mkdirSync(dir + "/" + name, { recursive: true });
      for (const [file, text] of Object.entries(files)) fs.writeFileSync(dir + "/" + name + "/" + file, text);
      return dir + "/" + name;
    };
    make("rootfs");
    const mounts = () => fs.readFileSync("/proc/self/mountinfo", "utf8").split("\\n")
      .filter((line) => line.split(" ")[4]?.startsWith(dir));
    const pointsAt = () => mounts().map((line) => line.split(" ")[4].slice(dir.length + 1));
    const mount = (...list) =>
      shim.mountRootfs(addon, list.map((each) => ({ source: "none", target: "", options: [], ...each })), rootfs);
    const unmount = () => shim.unmountRootfs(addon, rootfs);
    const errorOf = (operation) => {
      try { operation(); } catch (error) {
        const chain = [];
        for (let link = error; link !== undefined; link = link.cause) chain.push(link.message);
        return { code: error.code, text: chain.join(": ") };
      }
    };
    const tryWrite = (path) => errorOf(() => fs.writeFileSync(path, ""))?.code ?? "written";
    const say = (value) => console.log(JSON.stringify(value));
  `;
  const file = join(dir, "program.cjs");
  writeFileSync(file, prologue + body);
  const own = ["--mount", "--propagation", "private", "--pid", "--fork", "--mount-proc"];
  const command = [...own, process.execPath, file];
  const { stdout, stderr, status } = spawnSync("unshare", command, { encoding: "utf8" });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return JSON.parse(stdout);
}

/** Overlay on layers that each have a file of their own, and one that all have. */
const overlay = (count: number) => `
  const before = process.cwd();
  const lower = Array.from({ length: ${count} }, (_, index) =>
    make("a-directory-with-a-name-of-some-length/" + index + "/fs", { ["own-" + index]: "", common: String(index) }));
  const writable = ["upperdir=" + make("upper"), "workdir=" + make("work")];
  const options = ["index=off", ...writable, "lowerdir=" + lower.join(":")];
  mount({ type: "overlay", source: "overlay", options });
  fs.writeFileSync(rootfs + "/new", "");
  const files = fs.readdirSync(rootfs).length;
  const common = fs.readFileSync(rootfs + "/common", "utf8");
  const upper = fs.readdirSync(dir + "/upper");
  unmount();
  say({ files, common, upper, left: pointsAt(), isCwdSame: process.cwd() === before });
`;

rootSuite("shim: mounts of the rootfs", () => {
  for (const count of [1, 60, 300]) {
    shows(
      promise,
      `overlay of ${count} layers, the first on top`,
      () => {
        expect(run(overlay(count))).toEqual({
          files: count + 2,
          common: "0",
          upper: ["new"],
          left: [],
          isCwdSame: true,
        });
      },
      ["overlayfs"],
    );
  }

  shows(promise, "a bind mount is read-only from its first moment on, and no other is", () => {
    const seen = run(`
      const source = make("source", { file: "bound" });
      mount({ type: "bind", source, options: ["rbind", "ro", "nosuid", "noatime", "rprivate"] });
      const text = fs.readFileSync(rootfs + "/file", "utf8");
      const inside = tryWrite(rootfs + "/new");
      const outside = tryWrite(source + "/new");
      const options = mounts()[0].split(" ")[5];
      unmount();
      say({ text, inside, outside, options, left: pointsAt() });
    `);

    expect(seen).toEqual({
      text: "bound",
      inside: "EROFS",
      outside: "written",
      options: "ro,nosuid,noatime",
      left: [],
    });
  });

  shows(promise, "bind leaves what is mounted below the source, and rbind does not", () => {
    const seen = run(`
      const source = make("source/below/..");
      execFileSync("mount", ["-t", "tmpfs", "below", source + "/below"]);
      fs.writeFileSync(source + "/below/there", "");
      const list = (option) => {
        mount({ type: "bind", source, options: [option, "rw"] });
        const names = fs.readdirSync(rootfs + "/below");
        unmount();
        return names;
      };
      say({ bind: list("bind"), rbind: list("rbind"), source: fs.readdirSync(source + "/below") });
    `);

    expect(seen).toEqual({ bind: [], rbind: ["there"], source: ["there"] });
  });

  shows(promise, "a file system gets its flags, its own options, and its propagation", () => {
    const seen = run(`
      const options = ["nosuid", "nodev", "noexec", "size=64k", "mode=0711", "shared"];
      mount({ type: "tmpfs", source: "some", options });
      const fields = mounts()[0].split(" ");
      say({ options: fields[5], isShared: fields[6].startsWith("shared:"), source: fields.at(-2),
            superOptions: fields.at(-1).split(",").slice(1, 3) });
    `);

    expect(seen).toEqual({
      options: "rw,nosuid,nodev,noexec,relatime",
      isShared: true,
      source: "some",
      superOptions: ["size=64k", "mode=711"],
    });
  });

  shows(promise, "a target is mounted on below what was mounted before", () => {
    const seen = run(`
      const source = make("source");
      make("source/etc");
      mount({ type: "bind", source, options: ["rbind"] }, { type: "tmpfs", target: "/etc" });
      const before = pointsAt();
      unmount();
      say({ before, after: pointsAt() });
    `);

    expect(seen).toEqual({ before: ["rootfs", "rootfs/etc"], after: [] });
  });

  shows(promise, "when one mount fails, nothing is left of those before it", () => {
    const seen = run(`
      const error = errorOf(() => mount({ type: "tmpfs" }, { type: "tmpfs", options: ["none-of-these"] }));
      const missing = errorOf(() => mount({ type: "tmpfs" }, { type: "tmpfs", target: "not/there" }));
      const bind = errorOf(() => mount({ type: "tmpfs" }, { type: "bind", source: dir + "/none", options: ["bind"] }));
      say({ left: pointsAt(), codes: [error.code, missing.code, bind.code], text: error.text });
    `);

    expect(seen).toEqual({
      left: [],
      codes: ["HOST_FAILED", "HOST_FAILED", "HOST_FAILED"],
      text: `mount tmpfs "none" on "${dir}/rootfs": options "none-of-these": mount: invalid argument (EINVAL)`,
    });
  });

  for (const target of ["../..", "/../../outside", "link", "absolute/../link"]) {
    shows(promise, `the target "${target}" does not lead out of the rootfs`, () => {
      const seen = run(`
        make("outside");
        const source = make("source/outside/..");
        make("source/absolute");
        fs.symlinkSync("../../../../outside", source + "/link");
        mount({ type: "bind", source, options: ["rbind"] }, { type: "tmpfs", target: ${JSON.stringify(target)} });
        const points = pointsAt();
        unmount();
        say({ points, left: pointsAt() });
      `);

      const inside = target === "../.." ? "rootfs" : "rootfs/outside";
      expect(seen).toEqual({ points: ["rootfs", inside], left: [] });
    });
  }

  shows(promise, "unmounting takes all that lie on each other, and follows no link", () => {
    const seen = run(`
      mount({ type: "tmpfs" }, { type: "tmpfs" }, { type: "tmpfs" });
      const stacked = pointsAt();
      unmount();
      const left = pointsAt();
      unmount();
      fs.rmdirSync(rootfs);
      unmount();
      fs.symlinkSync(make("elsewhere"), rootfs);
      execFileSync("mount", ["-t", "tmpfs", "none", dir + "/elsewhere"]);
      unmount();
      say({ stacked, left, elsewhere: pointsAt() });
    `);

    expect(seen).toEqual({
      stacked: ["rootfs", "rootfs", "rootfs"],
      left: [],
      elsewhere: ["elsewhere"],
    });
  });

  const owners = `
    const own = (path) => { fs.chownSync(path, 1000, 2000); return path; };
    const ownerOf = (path) => { const { uid, gid } = fs.statSync(path); return [uid, gid]; };
    const maps = ["uidmap=0:100000:65536", "gidmap=0:200000:65536"];
  `;

  shows(
    promise,
    "ids of a bind mount are mapped",
    () => {
      const seen = run(`${owners}
        const source = make("source", { file: "" });
        own(source + "/file");
        mount({ type: "bind", source, options: ["rbind", ...maps] });
        say({ inside: ownerOf(rootfs + "/file"), outside: ownerOf(source + "/file") });
      `);

      expect(seen).toEqual({ inside: [101_000, 202_000], outside: [1000, 2000] });
    },
    ["id-mapped mounts"],
  );

  for (const count of [2, 60]) {
    shows(
      promise,
      `ids of overlay's ${count} layers are mapped, and nothing else is left of how`,
      () => {
        const seen = run(`${owners}
        const lower = Array.from({ length: ${count} }, (_, index) =>
          make("layers-with-a-name-of-some-length/" + index + "/fs", { [index]: "" }));
        lower.forEach((path, index) => own(path + "/" + index));
        const upper = make("layers/upper", { upper: "" });
        own(upper + "/upper");
        const options = ["lowerdir=" + lower.join(":"), "upperdir=" + upper, "workdir=" + make("layers/work")];
        mount({ type: "overlay", source: "overlay", options: [...options, ...maps] });
        const names = fs.readdirSync(rootfs);
        const mapped = names.filter((name) => ownerOf(rootfs + "/" + name).join() === "101000,202000").length;
        const inUpper = ownerOf(rootfs + "/upper");
        const points = pointsAt();
        unmount();
        say({ mapped, inUpper, outside: ownerOf(lower[0] + "/0"), points, left: pointsAt() });
      `);

        expect(seen).toEqual({
          mapped: count,
          inUpper: [1000, 2000],
          outside: [1000, 2000],
          points: ["rootfs"],
          left: [],
        });
      },
      ["overlayfs", "id-mapped mounts of overlayfs"],
    );
  }

  shows(
    promise,
    "ids of another file system are mapped",
    () => {
      const seen = run(`${owners}
        mount({ type: "tmpfs", options: ["uid=1000", "gid=2000", ...maps] });
        say({ inside: ownerOf(rootfs), points: pointsAt() });
      `);

      expect(seen).toEqual({ inside: [101_000, 202_000], points: ["rootfs"] });
    },
    ["id-mapped mounts of tmpfs"],
  );

  shows(
    promise,
    "a file is mounted through a loop device that goes with the mount",
    () => {
      const seen = run(`
        const image = dir + "/image";
        fs.writeFileSync(image, "");
        fs.truncateSync(image, 4 << 20);
        execFileSync("mkfs.ext4", ["-q", image]);
        mount({ type: "ext4", source: image, options: ["loop", "ro"] });
        const names = fs.readdirSync(rootfs);
        const device = mounts()[0].split(" ").at(-2);
        const backing = "/sys/block/" + device.slice("/dev/".length) + "/loop/backing_file";
        const file = fs.readFileSync(backing, "utf8").trim();
        const write = tryWrite(rootfs + "/new");
        unmount();
        say({ names, isOurs: file === image, write, left: pointsAt() });
        const deadline = Date.now() + 10_000;
        while (fs.existsSync(backing) && fs.readFileSync(backing, "utf8").trim() === image) {
          if (Date.now() > deadline) throw new Error(device + " still has the image");
        }
      `);

      expect(seen).toEqual({ names: ["lost+found"], isOurs: true, write: "EROFS", left: [] });
    },
    ["loop devices"],
  );

  for (const [mount, words] of [
    [{ type: "bind", options: ["bind", "size=1"] }, 'option "size=1" is none of a bind mount'],
    [{ type: "tmpfs", options: ["rro"] }, "recursive options are for bind mounts"],
    [{ type: "tmpfs", options: ["X-containerd.some"] }, "mount manager"],
  ] as const) {
    shows(promise, `${mount.type} with ${mount.options} is refused`, () => {
      const seen = run(
        `say({ ...errorOf(() => mount(${JSON.stringify(mount)})), left: pointsAt() });`,
      );

      expect(seen).toEqual({ code: "USAGE", text: expect.stringContaining(words), left: [] });
    });
  }
});
