import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { HookKind } from "../support/config";
import type { Container } from "../support/container";
import { tellFigure } from "../support/figures.mjs";
import { isAlive } from "../support/host";
import { expectRefusal } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";
import { waitFor } from "../support/wait";

/** Kinds that run on the host, by the command that runs them. */
const kinds: readonly (readonly [HookKind, string])[] = [
  ["prestart", "create"],
  ["createRuntime", "create"],
  ["poststart", "start"],
  ["poststop", "delete"],
];

rootSuite("hooks that do as they like", () => {
  const container = useContainers();

  /** A container with one hook, a line of shell that can write below `dir`. */
  function hooked(kind: HookKind, line: (dir: string) => string, timeout?: number): Container {
    const box = container((config, { dir }) => {
      const hook = { path: "/bin/sh", args: ["sh", "-c", line(dir)] };
      config.hooks = { [kind]: [timeout === undefined ? hook : { ...hook, timeout }] };
    });
    box.probe("--quiet", "--wait");
    return box;
  }

  /** Has the container come to where the hook's command is the next one. */
  function bringTo(command: string, box: Container): void {
    if (command !== "create") box.do("create");
    if (command === "delete") {
      box.do("start");
      box.kill("KILL");
      box.waitUntilStopped();
    }
  }

  const pidOf = (file: string) =>
    waitFor("a pid", () => (existsSync(file) && Number(readFileSync(file, "utf8"))) || false);

  for (const [kind, command] of kinds) {
    shows(
      "config.md#posix-platform-hooks",
      `a ${kind} hook that hangs, with grandchildren that ignore TERM, is killed with them`,
      () => {
        const box = hooked(
          kind,
          (dir) =>
            `trap "" TERM HUP INT; (sh -c 'echo $$ >${dir}/grandchild; sleep 60' &) ; echo $$ >${dir}/hook; sleep 60`,
          1,
        );
        bringTo(command, box);

        const outcome = box.attempt(command);

        expect(outcome.timedOut).toBe(false);
        // A poststop hook's failure is a warning: the container is gone.
        if (command === "delete") expect(outcome.status).toBe(0);
        else expectRefusal(outcome, `${kind} hook #0`);
        for (const name of ["hook", "grandchild"]) {
          const pid = pidOf(join(box.dir, name));
          waitFor(`the ${name} to end`, () => !isAlive(pid));
        }
        box.do("delete", ["--force"]);
        expect(box.leftovers()).toEqual([]);
        tellFigure("load", "hooks that hang or flood", 1);
      },
    );

    shows(
      "config.md#posix-platform-hooks",
      `a ${kind} hook that prints megabytes and reads no input is no trouble`,
      () => {
        const flood = "head -c 4000000 /dev/zero; head -c 4000000 /dev/zero >&2";
        const box = hooked(kind, () => `exec <&-; ${flood}`);
        // More state than a pipe holds.
        box.config.annotations = { long: "x".repeat(300_000) };
        box.writeConfig();
        bringTo(command, box);

        const outcome = box.attempt(command);

        expect({ status: outcome.status, timedOut: outcome.timedOut }).toEqual({
          status: 0,
          timedOut: false,
        });
        box.do("delete", ["--force"]);
        expect(box.leftovers()).toEqual([]);
        tellFigure("load", "hooks that hang or flood", 1);
      },
    );
  }

  shows(
    "config.md#posix-platform-hooks",
    "a hook's failure is told without all that it printed",
    () => {
      const box = hooked(
        "createRuntime",
        () => "head -c 9000000 /dev/zero | tr '\\0' x >&2; exit 3",
      );

      const outcome = box.attempt("create");

      expectRefusal(outcome, "createRuntime hook #0", "3");
      expect(outcome.stderr.length).toBeLessThan(100_000);
      expect(box.leftovers()).toEqual([]);
    },
  );
});
