import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Hook, type HookKind, hookKinds, processOf } from "../support/config";
import type { Container } from "../support/container";
import { logFile, logHook, logHooks, readLog } from "../support/hook";
import { isAlive, killIfAlive } from "../support/host";
import { expectRefusal, isolated } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";
import { waitFor } from "../support/wait";

const createKinds = ["prestart", "createRuntime", "createContainer"] as const;

/** A second hook of the kind that fails, between two that log. */
function failSecond(box: Container, kind: HookKind, failure: Hook): () => string[] {
  const log = logFile(box);
  box.config.hooks = {
    ...box.config.hooks,
    [kind]: [logHook(kind, log, "first"), failure, logHook(kind, log, "third")],
    ...(kind === "poststop" ? {} : { poststop: [logHook("poststop", log, "poststop")] }),
  };
  box.writeConfig();
  return () => readLog(log.outside);
}

/** Exits with 7; in a container the probe does it. */
function failingHook(kind: HookKind): Hook {
  if (kind === "startContainer")
    return { path: "/probe", args: ["probe", "--quiet", "--exit", "7"] };
  return { path: "/bin/sh", args: ["sh", "-c", "echo hook says why >&2; exit 7"] };
}

rootSuite("hooks: failures", () => {
  const container = useContainers();

  for (const kind of createKinds) {
    shows(
      "runtime.md#lifecycle",
      `a failing ${kind} hook makes create fail, and poststop hooks run`,
      () => {
        const box = container();
        const lines = failSecond(box, kind, failingHook(kind));

        expectRefusal(box.attempt("create"), `error running ${kind} hook #1:`, "7");

        expect(lines()).toEqual(["first", "poststop"]);
        expect(box.leftovers()).toEqual([]);
      },
    );
  }

  shows(
    "runtime.md#lifecycle",
    "a failing startContainer hook makes start fail, and the container is destroyed",
    () => {
      const box = container();
      const lines = failSecond(box, "startContainer", failingHook("startContainer"));
      box.probe("--append", "/log/lines", "program");
      box.do("create");

      expectRefusal(box.attempt("start"), "error running startContainer hook #1:");

      waitFor("the poststop hook", () => lines().includes("poststop"));
      expect(lines()).toEqual(["first", "poststop"]);
      expect(box.leftovers()).toEqual([]);
    },
  );

  shows(
    "runtime.md#lifecycle",
    "a failing poststart hook makes start fail, and the container is stopped and destroyed",
    () => {
      const box = container();
      const lines = failSecond(box, "poststart", failingHook("poststart"));
      box.probe("--wait");
      box.do("create");
      const { pid } = box.state();

      expectRefusal(box.attempt("start"), "error running poststart hook #1:");

      expect(isAlive(pid)).toBe(false);
      expect(lines()).toEqual(["first", "poststop"]);
      expect(box.leftovers()).toEqual([]);
    },
  );

  shows(
    "runtime.md#lifecycle",
    "to a config older than 1.3 a failing poststart hook is a warning, and the others run",
    () => {
      const box = container((config) => {
        config.ociVersion = "1.2.1";
      });
      const lines = failSecond(box, "poststart", failingHook("poststart"));
      box.probe("--wait");
      box.do("create");

      const outcome = box.do("start");

      expect(outcome.stderr).toContain("poststart hook #1");
      expect(lines()).toEqual(["first", "third"]);
      expect(box.state().status).toBe("running");
    },
  );

  shows("runtime.md#lifecycle", "a failing poststop hook is a warning, and the others run", () => {
    const box = container();
    const lines = failSecond(box, "poststop", failingHook("poststop"));
    box.do("create");

    const outcome = box.attempt("delete", ["--force"]);

    expect(outcome.status).toBe(0);
    expect(outcome.stderr).toContain("poststop hook #1");
    expect(lines()).toEqual(["first", "third"]);
    expect(box.leftovers()).toEqual([]);
  });

  shows("errors", "what a failing hook writes to standard error is in the message", () => {
    const box = container((config) => {
      config.hooks = { createRuntime: [failingHook("createRuntime")] };
    });

    expectRefusal(box.attempt("create"), "hook says why");
  });

  shows("runtime.md#errors", "what cannot be taken back is named beside the failure", () => {
    const box = container();
    const state = join(box.stateRoot, box.id);
    // A mount on it keeps the directory from being removed, and goes with the namespace of the caller.
    const script = `mount --bind ${state} ${state}; exit 7`;
    box.config.hooks = { createRuntime: [{ path: "/bin/sh", args: ["sh", "-c", script] }] };
    box.writeConfig();

    const outcome = box.attempt("create", [], { through: isolated });

    expectRefusal(outcome, "createRuntime hook #0", "left behind: state directory", /EBUSY/);
    box.do("delete", ["--force"]);
    expect(box.leftovers()).toEqual([]);
  });

  for (const kind of createKinds) {
    shows(
      "config.md#posix-platform-hooks",
      `a ${kind} hook that is not there makes create fail`,
      () => {
        const box = container((config) => {
          config.hooks = { [kind]: [{ path: "/nonexistent/hook" }] };
        });

        expectRefusal(box.attempt("create"), `error running ${kind} hook #0:`, /no such file/i);

        expect(box.leftovers()).toEqual([]);
      },
    );
  }

  shows("config.md#posix-platform-hooks", "a hook that is not executable makes create fail", () => {
    const box = container((config, { dir }) => {
      writeFileSync(join(dir, "hook"), "#!/bin/sh\n", { mode: 0o644 });
      config.hooks = { createRuntime: [{ path: join(dir, "hook") }] };
    });

    expectRefusal(
      box.attempt("create"),
      "error running createRuntime hook #0:",
      /permission denied/i,
    );

    expect(box.leftovers()).toEqual([]);
  });

  shows("config.md#posix-platform-hooks", "a hook that a signal ends has failed", () => {
    const box = container((config) => {
      config.hooks = { createRuntime: [{ path: "/bin/sh", args: ["sh", "-c", "kill -9 $$"] }] };
    });

    expectRefusal(box.attempt("create"), "error running createRuntime hook #0:", /kill/i);

    expect(box.leftovers()).toEqual([]);
  });

  shows("config.md#posix-platform-hooks", "a relative hook path is refused", () => {
    for (const kind of hookKinds) {
      const box = container((config) => {
        config.hooks = { [kind]: [{ path: "bin/hook" }] };
      });

      expectRefusal(box.attempt("create"), "bin/hook");

      expect(box.leftovers()).toEqual([]);
    }
  });

  for (const timeout of [0, -1, 1.5]) {
    shows("config.md#posix-platform-hooks", `a hook timeout of ${timeout} is refused`, () => {
      const box = container((config) => {
        config.hooks = { poststop: [{ path: "/bin/true", timeout }] };
      });

      expectRefusal(box.attempt("create"), "timeout");

      expect(box.leftovers()).toEqual([]);
    });
  }

  shows(
    "config.md#posix-platform-hooks",
    "a hook that takes longer than its timeout is killed with all that it started",
    () => {
      const box = container((config, { dir }) => {
        // The child holds standard error and ignores SIGTERM.
        const body = `sh -c 'trap "" TERM; echo $$ >${dir}/child; sleep 30' & sleep 30`;
        config.hooks = {
          createRuntime: [{ path: "/bin/sh", args: ["sh", "-c", body], timeout: 1 }],
        };
      });
      const began = Date.now();

      expectRefusal(box.attempt("create"), "error running createRuntime hook #0:");

      expect(Date.now() - began).toBeLessThan(5_000);
      const child = Number(readFileSync(join(box.dir, "child"), "utf8"));
      waitFor("the hook's child to end", () => !isAlive(child));
      expect(box.leftovers()).toEqual([]);
    },
  );

  shows(
    "config.md#posix-platform-hooks",
    "a hook that ends within its timeout is not waited for longer",
    () => {
      const box = container();
      const lines = logHooks(box, ["createRuntime"]);
      for (const hook of box.config.hooks?.createRuntime ?? []) hook.timeout = 60;
      box.writeConfig();
      const began = Date.now();

      box.do("run");

      expect(lines()).toEqual(["createRuntime"]);
      expect(Date.now() - began).toBeLessThan(5_000);
    },
  );

  shows(
    "config.md#posix-platform-hooks",
    "a daemon that a hook leaves behind is not waited for",
    () => {
      const box = container((config, { dir }) => {
        const body = `setsid sleep 30 & echo $! >${dir}/daemon`;
        config.hooks = {
          createRuntime: [{ path: "/bin/sh", args: ["sh", "-c", body], timeout: 20 }],
        };
      });
      const began = Date.now();

      box.do("run");

      expect(Date.now() - began).toBeLessThan(5_000);
      killIfAlive(Number(readFileSync(join(box.dir, "daemon"), "utf8")));
    },
  );

  shows("runtime.md#lifecycle", "run reports a failing hook and leaves nothing", () => {
    for (const kind of [...createKinds, "startContainer", "poststart"] as const) {
      const box = container((config) => {
        config.hooks = { [kind]: [failingHook(kind)] };
        processOf(config).args = ["/probe", "--wait"];
      });

      expectRefusal(box.attempt("run", ["--detach"]), `error running ${kind} hook #0:`);

      expect(box.leftovers()).toEqual([]);
    }
  });
});
