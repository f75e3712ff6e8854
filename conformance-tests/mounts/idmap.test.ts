import { chownSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Config, type IdMapping, processOf, withUserNamespace } from "../support/config";
import type { Container } from "../support/container";
import { tried } from "../support/report";
import { expectRefusal } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

const needs = ["id-mapped mounts"] as const;

/** A directory with files of several owners, bound on /mapped. */
function bindOwned(
  config: Config,
  { dir }: Container,
  options: string[],
  mappings: { uidMappings?: IdMapping[]; gidMappings?: IdMapping[] },
): void {
  const source = join(dir, "owned");
  mkdirSync(source);
  for (const owner of [0, 1000, 2000]) {
    writeFileSync(join(source, `of-${owner}`), "");
    chownSync(join(source, `of-${owner}`), owner, owner);
  }
  config.mounts.push({ destination: "/tmp", source, options, ...mappings });
}

function map(containerID: number, hostID: number, size: number): IdMapping[] {
  return [{ containerID, hostID, size }];
}

rootSuite("mounts: id-mapped", () => {
  const container = useContainers();

  for (const option of ["idmap", "ridmap", undefined]) {
    shows(
      "config.md#mounts",
      `the mappings of a mount with the option ${option} hold for its files`,
      () => {
        const box = container((config, made) => {
          const shifted = map(1000, 5000, 100);
          bindOwned(config, made, ["rbind", ...(option === undefined ? [] : [option])], {
            uidMappings: shifted,
            gidMappings: shifted,
          });
        });
        box.probe("--stat", "/tmp/of-1000", "--stat", "/tmp/of-2000");

        const seen = box.see();

        // Ids of the file system are the mapping's container ids, what is seen are its host ids.
        expect(tried(seen, "stat", "/tmp/of-1000")).toMatchObject({ uid: 5000, gid: 5000 });
        expect(tried(seen, "stat", "/tmp/of-2000")).toMatchObject({ uid: 65534, gid: 65534 });
      },
      needs,
    );
  }

  shows(
    "config.md#mounts",
    "uid and gid mappings may differ",
    () => {
      const box = container((config, made) => {
        bindOwned(config, made, ["bind", "idmap"], {
          uidMappings: map(1000, 7000, 1),
          gidMappings: map(1000, 8000, 1),
        });
      });
      box.probe("--stat", "/tmp/of-1000");

      expect(tried(box.see(), "stat", "/tmp/of-1000")).toMatchObject({ uid: 7000, gid: 8000 });
    },
    needs,
  );

  shows(
    "config.md#mounts",
    "without mappings idmap takes those of the container's user namespace",
    () => {
      const box = container((config, made) => {
        withUserNamespace(config, 100000);
        bindOwned(config, made, ["bind", "idmap"], {});
      });
      box.probe("--stat", "/tmp/of-1000", "--stat", "/tmp/of-0", "--create", "/tmp/new");

      const seen = box.see();

      expect(tried(seen, "stat", "/tmp/of-1000")).toMatchObject({ uid: 1000, gid: 1000 });
      expect(tried(seen, "stat", "/tmp/of-0")).toMatchObject({ uid: 0, gid: 0 });
      expect(tried(seen, "create", "/tmp/new").error).toBe("");
      expect(statSync(join(box.dir, "owned/new"))).toMatchObject({ uid: 0, gid: 0 });
    },
    needs,
  );

  shows(
    "config.md#mounts",
    "mappings of its own hold for a mount of a container with a user namespace",
    () => {
      const box = container((config, made) => {
        withUserNamespace(config, 100000);
        const shifted = map(1000, 100500, 1);
        bindOwned(config, made, ["bind", "idmap"], { uidMappings: shifted, gidMappings: shifted });
      });
      box.probe("--stat", "/tmp/of-1000");

      expect(tried(box.see(), "stat", "/tmp/of-1000")).toMatchObject({ uid: 500, gid: 500 });
    },
    needs,
  );

  shows(
    "config.md#mounts",
    "ridmap maps what is below, idmap does not",
    () => {
      for (const [option, uid] of [
        ["ridmap", 5000],
        ["idmap", 1000],
      ] as const) {
        const box = container((config, { dir, rootfsDir }) => {
          const source = join(dir, "tree");
          mkdirSync(join(source, "branch"), { recursive: true });
          mkdirSync(join(rootfsDir, "copy"));
          const inner = join(dir, "inner");
          mkdirSync(inner);
          writeFileSync(join(inner, "file"), "");
          chownSync(join(inner, "file"), 1000, 1000);
          const shifted = map(1000, 5000, 1);
          config.mounts.push(
            { destination: "/tmp", source, options: ["bind"] },
            { destination: "/tmp/branch", source: inner, options: ["bind"] },
            {
              destination: "/copy",
              source: join(rootfsDir, "tmp"),
              options: ["rbind", option],
              uidMappings: shifted,
              gidMappings: shifted,
            },
          );
        });
        box.probe("--stat", "/copy/branch/file");

        expect(tried(box.see(), "stat", "/copy/branch/file").uid).toBe(uid);
      }
    },
    needs,
  );

  shows(
    "config.md#mounts",
    "idmap without mappings and without a user namespace is refused",
    () => {
      const box = container((config, made) => bindOwned(config, made, ["bind", "idmap"], {}));

      expectRefusal(box.attempt("create"), "idmap");

      expect(box.leftovers()).toEqual([]);
    },
    needs,
  );

  for (const one of ["uidMappings", "gidMappings"]) {
    shows(
      "config.md#mounts",
      `${one} alone are refused`,
      () => {
        const box = container((config, made) => {
          bindOwned(config, made, ["bind", "idmap"], { [one]: map(0, 1000, 1) });
        });

        expectRefusal(box.attempt("create"), /[ug]idMappings/);

        expect(box.leftovers()).toEqual([]);
      },
      needs,
    );
  }

  shows(
    "config.md#mounts",
    "a mapped user can write where the unmapped one could not",
    () => {
      const box = container((config, made) => {
        processOf(config).user = { uid: 5000, gid: 5000 };
        const shifted = map(1000, 5000, 1);
        bindOwned(config, made, ["bind", "idmap"], { uidMappings: shifted, gidMappings: shifted });
      });
      box.probe("--write", "/tmp/of-1000", "--write", "/tmp/of-2000");

      const seen = box.see();

      expect(tried(seen, "write", "/tmp/of-1000").error).toBe("");
      expect(tried(seen, "write", "/tmp/of-2000").error).toBe("EACCES");
    },
    needs,
  );
});
