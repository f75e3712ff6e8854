import { readFileSync } from "node:fs";
import { join } from "node:path";
import { hookKinds } from "../support/config";
import { hostKinds, logFile, logHook, logHooks, readLog, reportHook } from "../support/hook";
import { namespaceOf } from "../support/host";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

rootSuite("hooks: when and where", () => {
  const container = useContainers();

  shows(
    "runtime.md#lifecycle",
    "each operation runs the hooks of its steps, in their order",
    () => {
      const box = container();
      const lines = logHooks(box, hookKinds);

      box.do("create");
      expect(lines()).toEqual(["prestart", "createRuntime", "createContainer"]);
      box.probe("--append", "/log/lines", "program");
      box.do("start");
      box.report();
      expect(lines().slice(3)).toEqual(["startContainer", "poststart"]);
      box.waitUntilStopped();
      box.do("delete");

      expect(lines().slice(5)).toEqual(["poststop"]);
    },
  );

  shows(
    "config.md#posix-platform-hooks",
    "startContainer hooks run before the program, poststart hooks after its exec",
    () => {
      const box = container();
      const log = logFile(box);
      box.config.hooks = {
        startContainer: [logHook("startContainer", log, "startContainer")],
        poststart: [logHook("poststart", log, "poststart")],
      };
      box.probe("--append", log.inside, "program", "--wait");

      box.do("create");
      expect(readLog(log.outside)).toEqual([]);
      box.do("start");
      box.report();

      const lines = readLog(log.outside);
      expect(lines.indexOf("startContainer")).toBe(0);
      expect(new Set(lines)).toEqual(new Set(["startContainer", "program", "poststart"]));
    },
  );

  shows("config.md#posix-platform-hooks", "hooks of one kind run in the listed order", () => {
    for (const kind of hookKinds) {
      const box = container();
      const log = logFile(box);
      box.config.hooks = { [kind]: ["1", "2", "3"].map((line) => logHook(kind, log, line)) };
      box.writeConfig();

      box.do("run");

      expect(readLog(log.outside)).toEqual(["1", "2", "3"]);
    }
  });

  for (const kind of hostKinds) {
    shows("config.md#posix-platform-hooks", `${kind} hooks run in the runtime's namespaces`, () => {
      const box = container();
      const seen = reportHook(box, kind);

      box.do("run");

      for (const [name, link] of Object.entries(seen().namespaces)) {
        expect(link).toBe(namespaceOf("self", name));
      }
    });
  }

  shows(
    "config.md#createcontainer-hooks",
    "createContainer hooks run in the container's namespaces before the root changes",
    () => {
      const box = container();
      const seen = reportHook(box, "createContainer");

      const program = box.see();

      expect(seen().namespaces).toEqual(program.namespaces);
      // The path was the host's, and so is the tree around it: the mounts of the container lie below the rootfs.
      expect(seen().mounts.map(({ target }) => target)).toContain(`${box.rootfsDir}/proc`);
    },
  );

  shows(
    "config.md#startcontainer-hooks",
    "startContainer hooks run in the container, as its program sees it",
    () => {
      const box = container();
      const seen = reportHook(box, "startContainer");

      const program = box.see();

      expect(seen().namespaces).toEqual(program.namespaces);
      expect(seen().mounts).toEqual(program.mounts);
      expect(seen().hostname).toBe("probed");
    },
  );

  shows(
    "config.md#createruntime-hooks",
    "createRuntime hooks find the container's mounts made",
    () => {
      const box = container((config, { dir }) => {
        const look = `
        pid=$(tr -d '\\n' | sed 's/.*"pid": *\\([0-9]*\\).*/\\1/')
        cat /proc/$pid/mountinfo >${dir}/mountinfo`;
        config.hooks = { createRuntime: [{ path: "/bin/sh", args: ["sh", "-c", look] }] };
      });

      box.do("create");

      const table = readFileSync(join(box.dir, "mountinfo"), "utf8");
      expect(table).toContain(` ${box.rootfsDir}/proc `);
      expect(table).toContain(` ${box.rootfsDir}/dev/shm `);
    },
  );

  shows("runtime.md#lifecycle", "no hook of a later step runs in an earlier operation", () => {
    const box = container();
    const lines = logHooks(box, ["startContainer", "poststart", "poststop"]);

    box.do("create");
    expect(lines()).toEqual([]);
    box.do("delete", ["--force"]);

    expect(lines()).toEqual(["poststop"]);
  });
});
