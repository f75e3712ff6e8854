import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type HookKind, hookKinds } from "../support/config";
import type { ContainerState } from "../support/container";
import { launchTool, programPath } from "../support/environment";
import { reportHook } from "../support/hook";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

/** What the state on a hook's standard input says; prestart hooks hear what they heard when start ran them. */
const statusOf: Record<HookKind, string> = {
  prestart: "created",
  createRuntime: "creating",
  createContainer: "creating",
  startContainer: "created",
  poststart: "running",
  poststop: "stopped",
};

rootSuite("hooks: what they get", () => {
  const container = useContainers();

  for (const kind of hookKinds) {
    shows(
      "config.md#posix-platform-hooks",
      `${kind} hooks get the state with status ${statusOf[kind]}`,
      () => {
        const box = container((config) => {
          config.annotations = { "org.example.hook": kind };
        });
        const seen = reportHook(box, kind);

        box.do("run");

        expect(JSON.parse(seen().stdin ?? "")).toMatchObject({
          ociVersion: expect.stringMatching(/^1\.\d+\.\d+/),
          id: box.id,
          status: statusOf[kind],
          bundle: box.bundleDir,
          annotations: { "org.example.hook": kind },
        });
      },
    );
  }

  for (const kind of ["createContainer", "startContainer"] as const) {
    shows("runtime.md#state", `${kind} hooks get the pid as the container sees it`, () => {
      const box = container();
      const seen = reportHook(box, kind);

      box.do("run");

      expect((JSON.parse(seen().stdin ?? "") as ContainerState).pid).toBe(1);
    });
  }

  for (const kind of ["prestart", "createRuntime", "poststart"] as const) {
    shows("runtime.md#state", `${kind} hooks get the pid as the runtime sees it`, () => {
      const box = container();
      const seen = reportHook(box, kind);
      box.probe("--wait");
      box.do("create");
      const { pid } = box.state();
      box.do("start");

      expect((JSON.parse(seen().stdin ?? "") as ContainerState).pid).toBe(pid);
    });
  }

  shows("config.md#posix-platform-hooks", "args are argv as they stand, args[0] too", () => {
    const box = container();
    const seen = reportHook(box, "createRuntime");
    const hook = box.config.hooks?.createRuntime?.[0];
    hook?.args?.splice(0, 1, "another name");
    box.writeConfig();

    box.do("run");

    expect(seen().args).toEqual(hook?.args);
  });

  shows("config.md#posix-platform-hooks", "without args the path is argv[0]", () => {
    const box = container((config, made) => {
      const script = made.script("hook", `tr '\\0' '\\n' </proc/$$/cmdline >${made.dir}/cmdline`);
      config.hooks = { createRuntime: [{ path: script }] };
    });

    box.do("run");

    // The interpreter's own words come first; a second argument would come last.
    const words = readFileSync(join(box.dir, "cmdline"), "utf8").trim().split("\n");
    expect(words.at(-1)).toBe(join(box.dir, "hook"));
  });

  shows("config.md#posix-platform-hooks", "env is the whole environment", () => {
    for (const kind of hookKinds) {
      const box = container();
      const seen = reportHook(box, kind);
      for (const hook of box.config.hooks?.[kind] ?? []) hook.env = ["KIND=hook", "EMPTY="];
      box.writeConfig();

      box.do("run");

      expect(seen().env).toEqual(["KIND=hook", "EMPTY="]);
    }
  });

  shows(
    "runtime-linux.md#file-descriptors",
    "hooks get no descriptor but their standard streams",
    () => {
      for (const kind of hookKinds) {
        const box = container();
        const seen = reportHook(box, kind);

        box.do("run", [], { through: [launchTool, "--open", "17", "/etc/passwd", "--"] });

        expect({ kind, fds: seen().fds.map(({ fd }) => fd) }).toEqual({ kind, fds: [0, 1, 2] });
      }
    },
  );

  shows("config.md#posix-platform-hooks", "hooks start with no signal blocked or ignored", () => {
    for (const kind of hookKinds) {
      const box = container();
      const seen = reportHook(box, kind);

      box.do("run");

      expect({ kind, blocked: seen().blockedSignals, ignored: seen().ignoredSignals }).toEqual({
        kind,
        blocked: [],
        ignored: [],
      });
    }
  });

  shows(
    "config.md#posix-platform-hooks",
    "a hook that does not read its standard input is no error",
    () => {
      for (const kind of hookKinds.filter((name) => name !== "startContainer")) {
        // Longer than a pipe holds, so that writing it all would wait for a reader.
        const box = container((config) => {
          config.annotations = Object.fromEntries(
            Array.from({ length: 200 }, (_, index) => [`org.example.${index}`, "x".repeat(1000)]),
          );
          const close = [programPath("probe"), "--quiet"];
          config.hooks = { [kind]: [{ path: close[0] ?? "", args: close }] };
        });

        box.do("run");
      }
    },
  );
});
