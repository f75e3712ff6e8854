import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { processOf } from "../support/config";
import type { Container } from "../support/container";
import { expectRefusal } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

/** Words that other programs look for, by what is wrong with the program: they become exit codes 126 and 127. */
const faults: Record<string, [string[], (rootfs: string) => void, (string | RegExp)[]]> = {
  "a name that is nowhere in the PATH": [
    ["nothing"],
    () => {},
    ['exec: "nothing": executable file not found in $PATH'],
  ],
  "a path that is not there": [
    ["/nothing/here"],
    () => {},
    [/(stat|exec) \/nothing\/here: no such file or directory/],
  ],
  "a file that is not executable": [
    ["/etc/plain"],
    (rootfs) => writeFileSync(join(rootfs, "etc/plain"), "#!/probe\n", { mode: 0o644 }),
    ["permission denied"],
  ],
  "a directory": [["/etc"], () => {}, [/permission denied|is a directory/]],
  "a script whose interpreter is missing": [
    ["/script"],
    (rootfs) => writeFileSync(join(rootfs, "script"), "#!/no/interpreter\n", { mode: 0o755 }),
    ["exec /script: no such file or directory"],
  ],
  "a file of no known format": [
    ["/junk"],
    (rootfs) => writeFileSync(join(rootfs, "junk"), "\u0000junk", { mode: 0o755 }),
    ["exec /junk: exec format error"],
  ],
  "a symlink that leads nowhere": [
    ["/link"],
    (rootfs) => symlinkSync("/nowhere", join(rootfs, "link")),
    ["no such file or directory"],
  ],
  "an empty name": [[""], () => {}, [/executable file not found|no such file or directory|args/]],
};

rootSuite("errors: programs that cannot be executed", () => {
  const container = useContainers();

  function broken(args: string[], make: (rootfs: string) => void): Container {
    return container((config, { rootfsDir }) => {
      make(rootfsDir);
      processOf(config).args = args;
      processOf(config).env = ["PATH=/bin:/usr/bin"];
    });
  }

  for (const [what, [args, make, parts]] of Object.entries(faults)) {
    shows("peers", `${what} is reported by run in the words that callers know`, () => {
      const box = broken(args, make);

      expectRefusal(box.attempt("run"), ...parts);

      expect(box.leftovers()).toEqual([]);
    });

    shows("runtime.md#start", `${what} is reported by create or start`, () => {
      const box = broken(args, make);

      const created = box.attempt("create");
      if (created.status !== 0) {
        expectRefusal(created, ...parts);
        expect(box.leftovers()).toEqual([]);
        return;
      }
      expectRefusal(box.attempt("start"), ...parts);

      box.waitUntilStopped();
    });
  }

  shows("peers", "create says that there is no program, after its hooks", () => {
    const box = broken(["/late"], () => {});
    expectRefusal(box.attempt("create"), "no such file or directory");

    box.config.hooks = {
      createRuntime: [
        {
          path: "/bin/cp",
          args: ["cp", join(box.rootfsDir, "probe"), join(box.rootfsDir, "late")],
        },
      ],
    };
    box.writeConfig();

    box.do("create");
  });

  shows("peers", "with startContainer hooks it is start that says so", () => {
    const box = broken(["/late"], () => {});
    box.config.hooks = { startContainer: [{ path: "/probe", args: ["probe"] }] };
    box.writeConfig();

    box.do("create");

    expectRefusal(box.attempt("start"), "no such file or directory");
  });

  shows("peers", "a program that only others may execute is not run", () => {
    const box = container((config, { rootfsDir }) => {
      mkdirSync(join(rootfsDir, "closed"));
      chmodSync(join(rootfsDir, "closed"), 0o700);
      writeFileSync(join(rootfsDir, "closed/program"), "", { mode: 0o755 });
      processOf(config).user = { uid: 1000, gid: 1000 };
      processOf(config).args = ["/closed/program"];
    });

    expectRefusal(box.attempt("run"), "permission denied");

    expect(box.leftovers()).toEqual([]);
  });

  shows("runtime.md#start", "a program that goes away after create is reported by start", () => {
    const box = container((config) => {
      config.root = { path: "rootfs" };
    });
    box.do("create");
    rmSync(join(box.rootfsDir, "probe"));

    expectRefusal(box.attempt("start"), "no such file or directory");

    box.waitUntilStopped();
    box.do("delete");
    expect(box.leftovers()).toEqual([]);
  });
});
