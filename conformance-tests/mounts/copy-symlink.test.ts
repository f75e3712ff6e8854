import { chownSync, mkdirSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { withUserNamespace } from "../support/config";
import type { Container } from "../support/container";
import { mountAt } from "../support/report";
import { expectRefusal } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

const options = ["bind", "copy-symlink"];

/** Binds a link of the host, or what `source` is, on /etc/copied. */
function bindLink(box: Container, source?: string): void {
  const link = join(box.dir, "link");
  symlinkSync("../run/the target", link);
  box.config.root = { path: "rootfs" };
  box.config.mounts.push({ destination: "/etc/copied", source: source ?? link, options });
  box.writeConfig();
}

rootSuite("mounts: copy-symlink", () => {
  const container = useContainers();
  const copied = (box: Container) => join(box.rootfsDir, "etc/copied");

  for (const kind of ["the driver's", "a new"]) {
    shows(
      "peers",
      `in ${kind} user namespace a link is made, and nothing is mounted`,
      () => {
        const box = container((config) => {
          if (kind === "a new") withUserNamespace(config);
        });
        bindLink(box);
        if (kind === "a new") chownSync(join(box.rootfsDir, "etc"), 100000, 100000);

        const { mounts } = box.see();

        expect(readlinkSync(copied(box))).toBe("../run/the target");
        expect(mounts.map(({ target }) => target)).not.toContain("/etc/copied");
      },
      kind === "a new" ? ["user namespaces"] : [],
    );
  }

  shows("peers", "what is no link is mounted as ever", () => {
    const box = container();
    const source = join(box.dir, "file");
    writeFileSync(source, "");
    bindLink(box, source);

    expect(mountAt(box.see(), "/etc/copied").root).toMatch(/\/file$/);
  });

  shows("peers", "the same link may be there already, and nothing else", () => {
    const same = container();
    bindLink(same);
    symlinkSync("../run/the target", copied(same));
    same.see();
    expect(readlinkSync(copied(same))).toBe("../run/the target");

    const others: readonly ((path: string) => void)[] = [
      (path) => symlinkSync("../run/the targe", path),
      (path) => writeFileSync(path, ""),
      (path) => mkdirSync(path),
    ];
    for (const make of others) {
      const box = container();
      bindLink(box);
      make(copied(box));
      expectRefusal(box.attempt("run"), "/etc/copied", "EEXIST");
      expect(box.leftovers()).toEqual([]);
    }
  });

  shows("peers", "it is refused where nothing is bound", () => {
    const box = container((config) => {
      config.mounts.push({ destination: "/etc", type: "tmpfs", options: ["copy-symlink"] });
    });

    expectRefusal(box.attempt("run"), "copy-symlink");
  });
});
