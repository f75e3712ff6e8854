import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Container } from "../support/container";
import { mountAt, tried } from "../support/report";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

/** A tmpfs, with one that has all of the opposite attributes below it, and a bind of both elsewhere. */
function bindTree(box: Container, inner: string[], options: string[]): void {
  mkdirSync(join(box.rootfsDir, "tree"));
  mkdirSync(join(box.rootfsDir, "copy"));
  // Later, because a directory for the branch cannot be made in a tree that is read-only.
  const again = ["bind", "remount", ...inner];
  box.config.mounts.push(
    { destination: "/tree", type: "tmpfs", source: "tmpfs" },
    { destination: "/tree/branch", type: "tmpfs", source: "tmpfs" },
    { destination: "/tree/branch", source: "rootfs", options: again },
    { destination: "/tree", source: "rootfs", options: again },
    { destination: "/copy", source: join(box.rootfsDir, "tree"), options },
  );
  box.writeConfig();
}

interface RecursiveEffect {
  readonly inner?: string[];
  readonly has?: string;
  readonly hasNot?: string;
}

const effects: Record<string, RecursiveEffect> = {
  rro: { has: "ro" },
  rrw: { inner: ["ro"], has: "rw" },
  rnosuid: { has: "nosuid" },
  rsuid: { inner: ["nosuid"], hasNot: "nosuid" },
  rnodev: { has: "nodev" },
  rdev: { inner: ["nodev"], hasNot: "nodev" },
  rnoexec: { has: "noexec" },
  rexec: { inner: ["noexec"], hasNot: "noexec" },
  rnoatime: { has: "noatime" },
  ratime: { inner: ["noatime"], hasNot: "noatime" },
  rnodiratime: { has: "nodiratime" },
  rdiratime: { inner: ["nodiratime"], hasNot: "nodiratime" },
  rrelatime: { inner: ["noatime"], has: "relatime" },
  rnorelatime: { hasNot: "noatime" },
  rstrictatime: { hasNot: "relatime" },
  rnostrictatime: { inner: ["strictatime"], has: "relatime" },
  rnosymfollow: { has: "nosymfollow" },
  rsymfollow: { inner: ["nosymfollow"], hasNot: "nosymfollow" },
};

rootSuite("mounts: recursive options", () => {
  const container = useContainers();

  for (const [option, { inner = [], has, hasNot }] of Object.entries(effects)) {
    shows(
      "config.md#linux-mount-options",
      `${option} holds for the mount and for what is below it`,
      () => {
        const box = container();
        bindTree(box, inner, ["rbind", option]);

        const seen = box.see();

        for (const target of ["/copy", "/copy/branch"]) {
          const words = mountAt(seen, target).options.split(",");
          if (has !== undefined) expect(words).toContain(has);
          if (hasNot !== undefined) expect(words).not.toContain(hasNot);
        }
        // What was bound keeps what it had.
        const original = mountAt(seen, "/tree/branch").options.split(",");
        for (const word of inner.filter((name) => name !== "strictatime"))
          expect(original).toContain(word);
      },
    );
  }

  shows("config.md#linux-mount-options", "rbind takes what is below along, bind does not", () => {
    for (const [option, targets] of [
      ["rbind", ["/copy", "/copy/branch"]],
      ["bind", ["/copy"]],
    ] as const) {
      const box = container();
      bindTree(box, [], [option]);

      const found = box
        .see()
        .mounts.map(({ target }) => target)
        .filter((target) => target.startsWith("/copy"));

      expect(found).toEqual(targets);
    }
  });

  shows("config.md#linux-mount-options", "rbind with ro makes the top read-only alone", () => {
    const box = container();
    bindTree(box, [], ["rbind", "ro"]);
    box.probe("--create", "/copy/x", "--create", "/copy/branch/x");

    const seen = box.see();

    expect(tried(seen, "create", "/copy/x").error).toBe("EROFS");
    expect(tried(seen, "create", "/copy/branch/x").error).toBe("");
  });

  shows(
    "config.md#linux-mount-options",
    "rro is what a program cannot write to at any depth",
    () => {
      const box = container();
      bindTree(box, [], ["rbind", "rro"]);
      box.probe("--create", "/copy/x", "--create", "/copy/branch/x", "--create", "/tree/branch/x");

      const seen = box.see();

      expect(tried(seen, "create", "/copy/x").error).toBe("EROFS");
      expect(tried(seen, "create", "/copy/branch/x").error).toBe("EROFS");
      expect(tried(seen, "create", "/tree/branch/x").error).toBe("");
    },
  );

  shows("config.md#linux-mount-options", "recursive and plain options hold together", () => {
    const box = container();
    bindTree(box, [], ["rbind", "rnosuid", "noexec", "rro"]);

    const seen = box.see();

    expect(mountAt(seen, "/copy").options.split(",")).toEqual(
      expect.arrayContaining(["ro", "nosuid", "noexec"]),
    );
    expect(mountAt(seen, "/copy/branch").options.split(",")).toEqual(
      expect.arrayContaining(["ro", "nosuid"]),
    );
    expect(mountAt(seen, "/copy/branch").options.split(",")).not.toContain("noexec");
  });

  for (const [option, optional] of [
    ["rshared", /^shared:\d+$/],
    ["runbindable", /^unbindable$/],
    ["rprivate", /^$/],
  ] as const) {
    shows("config.md#linux-mount-options", `${option} holds for what is below a bind mount`, () => {
      const box = container();
      bindTree(box, [], ["rbind", option]);

      const seen = box.see();

      expect(mountAt(seen, "/copy").optional.join(" ")).toMatch(optional);
      expect(mountAt(seen, "/copy/branch").optional.join(" ")).toMatch(optional);
    });
  }
});
