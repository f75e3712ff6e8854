import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mountAt, tried } from "../support/report";
import { expectRefusal } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

interface Effect {
  readonly options: readonly string[];
  /** Words that mountinfo must show for the mount, and ones that it must not. */
  readonly has?: readonly string[];
  readonly hasNot?: readonly string[];
  /** The same for the file system. */
  readonly superHas?: readonly string[];
  readonly superHasNot?: readonly string[];
}

/** A new tmpfs: its per-mount attributes, and what belongs to the file system. */
const tmpfsEffects: Record<string, Effect> = {
  "no options": { options: [], has: ["rw", "relatime"], hasNot: ["nosuid", "nodev", "noexec"] },
  defaults: { options: ["defaults"], has: ["rw", "relatime"], superHasNot: ["defaults"] },
  ro: { options: ["ro"], has: ["ro"] },
  rw: { options: ["ro", "rw"], has: ["rw"] },
  nosuid: { options: ["nosuid"], has: ["nosuid"] },
  suid: { options: ["nosuid", "suid"], hasNot: ["nosuid"] },
  nodev: { options: ["nodev"], has: ["nodev"] },
  dev: { options: ["nodev", "dev"], hasNot: ["nodev"] },
  noexec: { options: ["noexec"], has: ["noexec"] },
  exec: { options: ["noexec", "exec"], hasNot: ["noexec"] },
  noatime: { options: ["noatime"], has: ["noatime"], hasNot: ["relatime"] },
  atime: { options: ["noatime", "atime"], hasNot: ["noatime"] },
  nodiratime: { options: ["nodiratime"], has: ["nodiratime"] },
  diratime: { options: ["nodiratime", "diratime"], hasNot: ["nodiratime"] },
  relatime: { options: ["relatime"], has: ["relatime"] },
  norelatime: { options: ["relatime", "norelatime"], hasNot: ["noatime"] },
  strictatime: { options: ["strictatime"], hasNot: ["relatime", "noatime"] },
  nostrictatime: { options: ["strictatime", "nostrictatime"], has: ["relatime"] },
  nosymfollow: { options: ["nosymfollow"], has: ["nosymfollow"] },
  symfollow: { options: ["nosymfollow", "symfollow"], hasNot: ["nosymfollow"] },
  sync: { options: ["sync"], superHas: ["sync"] },
  async: { options: ["sync", "async"], superHasNot: ["sync"] },
  dirsync: { options: ["dirsync"], superHas: ["dirsync"] },
  lazytime: { options: ["lazytime"], superHas: ["lazytime"] },
  nolazytime: { options: ["lazytime", "nolazytime"], superHasNot: ["lazytime"] },
  silent: { options: ["silent"], has: ["rw"], superHasNot: ["silent"] },
  loud: { options: ["silent", "loud"], has: ["rw"], superHasNot: ["loud"] },
  iversion: { options: ["iversion"], has: ["rw"] },
  noiversion: { options: ["iversion", "noiversion"], has: ["rw"] },
  "all at once": {
    options: ["nosuid", "nodev", "noexec", "noatime", "ro"],
    has: ["ro", "nosuid", "nodev", "noexec", "noatime"],
  },
  "data of the file system": {
    options: ["size=1024k", "mode=711", "uid=3", "gid=4", "nr_inodes=100"],
    superHas: ["size=1024k", "mode=711", "uid=3", "gid=4", "nr_inodes=100"],
  },
};

const propagations: Record<string, RegExp> = {
  private: /^$/,
  rprivate: /^$/,
  shared: /^shared:\d+$/,
  rshared: /^shared:\d+$/,
  slave: /^(master:\d+)?$/,
  rslave: /^(master:\d+)?$/,
  unbindable: /^unbindable$/,
  runbindable: /^unbindable$/,
};

function expectEffect(
  effect: Effect,
  options: readonly string[],
  superOptions: readonly string[],
): void {
  expect(options).toEqual(expect.arrayContaining([...(effect.has ?? [])]));
  for (const word of effect.hasNot ?? []) expect(options).not.toContain(word);
  expect(superOptions).toEqual(expect.arrayContaining([...(effect.superHas ?? [])]));
  for (const word of effect.superHasNot ?? []) expect(superOptions).not.toContain(word);
}

rootSuite("mounts: options", () => {
  const container = useContainers();

  for (const [name, effect] of Object.entries(tmpfsEffects)) {
    shows("config.md#linux-mount-options", `a tmpfs with ${name} is mounted so`, () => {
      const box = container((config, { rootfsDir }) => {
        mkdirSync(join(rootfsDir, "mnt"));
        config.mounts.push({
          destination: "/mnt",
          type: "tmpfs",
          source: "tmpfs",
          options: [...effect.options],
        });
      });

      const mount = mountAt(box.see(), "/mnt");

      expect(mount.type).toBe("tmpfs");
      expectEffect(effect, mount.options.split(","), mount.superOptions.split(","));
    });
  }

  for (const [name, effect] of Object.entries(tmpfsEffects)) {
    if (effect.superHas !== undefined || effect.superHasNot !== undefined) continue;
    shows(
      "config.md#linux-mount-options",
      `a bind mount with ${name} has those attributes, and its source has not`,
      () => {
        const box = container((config, { dir }) => {
          mkdirSync(join(dir, "source"));
          config.mounts.push({
            destination: "/tmp",
            source: join(dir, "source"),
            options: ["bind", ...effect.options],
          });
        });
        box.probe("--create", "/tmp/file");

        const seen = box.see();

        expectEffect(effect, mountAt(seen, "/tmp").options.split(","), []);
        const readOnly = effect.has?.includes("ro") === true;
        expect(tried(seen, "create", "/tmp/file").error).toBe(readOnly ? "EROFS" : "");
        writeFileSync(join(box.dir, "source/mine"), "the source is writable");
      },
    );
  }

  for (const [option, optional] of Object.entries(propagations)) {
    shows("config.md#linux-mount-options", `a mount with ${option} has that propagation`, () => {
      const box = container((config) => {
        config.mounts.push(
          { destination: "/tmp", type: "tmpfs", source: "tmpfs", options: [option] },
          { destination: "/etc", source: "/etc", options: ["bind", option] },
        );
      });

      const seen = box.see();

      expect(mountAt(seen, "/tmp").optional.join(" ")).toMatch(optional);
      expect(mountAt(seen, "/etc").optional.join(" ")).toMatch(optional);
    });
  }

  shows("config.md#linux-mount-options", "remount changes a mount that is there", () => {
    const box = container((config) => {
      config.mounts.push(
        { destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["size=1024k"] },
        {
          destination: "/tmp",
          type: "tmpfs",
          source: "tmpfs",
          options: ["remount", "ro", "nosuid"],
        },
      );
    });

    const seen = box.see();

    expect(seen.mounts.filter(({ target }) => target === "/tmp")).toHaveLength(1);
    expect(mountAt(seen, "/tmp").options.split(",")).toEqual(
      expect.arrayContaining(["ro", "nosuid"]),
    );
  });

  shows(
    "config.md#linux-mount-options",
    "bind and remount together change the mount and not the file system",
    () => {
      const box = container((config) => {
        config.mounts.push(
          { destination: "/tmp", type: "tmpfs", source: "tmpfs" },
          { destination: "/tmp", source: "tmpfs", options: ["bind", "remount", "ro"] },
        );
      });

      const mount = mountAt(box.see(), "/tmp");

      expect(mount.options.split(",")).toContain("ro");
      expect(mount.superOptions.split(",")).toContain("rw");
    },
  );

  shows(
    "config.md#linux-mount-options",
    "noexec keeps programs from running, nodev devices from opening",
    () => {
      const box = container((config, { rootfsDir }) => {
        const source = rootfsDir;
        config.mounts.push(
          { destination: "/tmp", source, options: ["bind", "noexec", "ro"] },
          { destination: "/etc", source, options: ["bind", "ro"] },
          { destination: "/bin", type: "devtmpfs", source: "none", options: ["nodev", "ro"] },
        );
      });
      box.probe(
        "--exec",
        "/tmp/probe",
        "--exec",
        "/etc/probe",
        "--open",
        "/bin/null",
        "--stat",
        "/bin/null",
      );

      const seen = box.see();

      expect(tried(seen, "exec", "/tmp/probe").error).toBe("EACCES");
      expect(tried(seen, "exec", "/etc/probe").error).toBe("");
      expect(tried(seen, "stat", "/bin/null").type).toBe("character");
      expect(tried(seen, "open", "/bin/null").error).toBe("EACCES");
    },
  );

  shows(
    "config.md#linux-mount-options",
    "an option that nobody knows goes to the file system, which refuses it",
    () => {
      const box = container((config) => {
        config.mounts.push({
          destination: "/tmp",
          type: "tmpfs",
          source: "tmpfs",
          options: ["no-such-option=1"],
        });
      });

      expectRefusal(box.attempt("create"), "/tmp");

      expect(box.leftovers()).toEqual([]);
    },
  );

  shows("config.md#mounts", "a file system that there is not is refused", () => {
    const box = container((config) => {
      config.mounts.push({ destination: "/tmp", type: "no-such-fs", source: "none" });
    });

    expectRefusal(box.attempt("create"), "no-such-fs", "/tmp");

    expect(box.leftovers()).toEqual([]);
  });
});
