import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { callerEnvironment, runtimeName } from "../support/environment";
import { callRuntime, mustCall } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

const commands = ["create", "delete", "features", "kill", "list", "run", "spec", "start", "state"];

rootSuite("command line: flags", () => {
  const container = useContainers();

  for (const style of [
    "--bundle DIR",
    "--bundle=DIR",
    "-b DIR",
    "-b=DIR",
    "-bundle DIR",
    "-bundle=DIR",
  ]) {
    shows("peers", `a flag can be written ${style}`, () => {
      const box = container();
      const words = style.replace("DIR", box.bundleDir).split(" ");

      mustCall(["--root", box.stateRoot, "create", ...words, box.id]);

      expect(box.state().bundle).toBe(box.bundleDir);
    });
  }

  shows("peers", "global flags may be repeated, and the last one wins", () => {
    const box = container();

    mustCall([
      "--root",
      "/nonexistent",
      "--log-format",
      "text",
      "--root",
      box.stateRoot,
      "--log-format",
      "json",
      "--debug",
      "--log",
      "/dev/null",
      "create",
      "--bundle",
      box.bundleDir,
      box.id,
    ]);

    expect(box.state().status).toBe("created");
  });

  shows("peers", "flags may stand behind the id", () => {
    const box = container();

    mustCall(["--root", box.stateRoot, "create", box.id, "--bundle", box.bundleDir]);
    mustCall(["--root", box.stateRoot, "delete", box.id, "--force"]);

    expect(box.leftovers()).toEqual([]);
  });

  shows("peers", "the bundle is the working directory when none is named", () => {
    const box = container();

    mustCall(["--root", box.stateRoot, "create", box.id], { cwd: box.bundleDir });

    expect(box.state().bundle).toBe(box.bundleDir);
  });

  shows("peers", "a root that is not there is made, with nothing for others", () => {
    const box = container();

    box.do("create");

    expect(statSync(box.stateRoot).mode & 0o077).toBe(0);
    expect(statSync(join(box.stateRoot, box.id)).mode & 0o066).toBe(0);
  });

  shows("peers", "signals have names with and without SIG, in either case, and numbers", () => {
    for (const [name, number] of [
      ["USR1", 10],
      ["SIGUSR2", 12],
      ["15", 15],
      ["sigint", 2],
      ["hup", 1],
      ["RTMIN", 34],
    ] as const) {
      const box = container();
      box.probe("--wait");
      box.do("run", ["--detach"]);
      box.report();

      expect(box.kill(name)).toMatchObject({ status: 0, stderr: "" });

      box.waitUntilStopped();
      expect(box.output()).toContain(`{"signal":${number}}`);
    }
  });

  shows("peers", "kill --all reaches every process, and is no error when all have ended", () => {
    const box = container((config) => {
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== "pid");
    });
    box.probe("--fork", "--spin");
    box.do("run", ["--detach"]);
    box.report();

    expect(callRuntime(["--root", box.stateRoot, "kill", "--all", box.id, "KILL"]).status).toBe(0);

    box.waitUntilStopped();
    expect(callRuntime(["--root", box.stateRoot, "kill", "--all", box.id, "KILL"]).status).toBe(0);
    box.do("delete");
  });

  shows("peers", "an unknown command and an unknown flag are errors, and say so", () => {
    const unknown = callRuntime(["frobnicate"]);
    expect(unknown.status).toBe(3);
    expect(unknown.stderr + unknown.stdout).toContain("No help topic for 'frobnicate'");

    const flag = callRuntime(["list", "--frobnicate"]);
    expect(flag.status).toBe(1);
    expect(flag.stderr + flag.stdout).toContain("frobnicate");
  });

  shows("peers", "a flag without its value says that it needs one", () => {
    const outcome = callRuntime(["create", "--bundle"]);

    expect(outcome.status).toBe(1);
    expect(outcome.stderr + outcome.stdout).toContain("flag needs an argument");
  });

  shows("peers", "help names the program and what it is", () => {
    for (const flag of ["-h", "--help"]) {
      const lines = mustCall([flag]).stdout.split("\n");

      expect(lines[0]).toBe("NAME:");
      expect(lines[1]?.trim()).toMatch(
        new RegExp(`^${runtimeName} - Open Container Initiative runtime`),
      );
    }
  });

  for (const command of commands) {
    shows("peers", `${command} --help names the command`, () => {
      const lines = mustCall([command, "--help"]).stdout.split("\n");

      expect(lines[0]).toBe("NAME:");
      expect(lines[1]?.trim()).toMatch(new RegExp(`^${runtimeName} ${command} - `));
    });
  }

  shows("security", "neither a .env file nor options of the engine change anything", () => {
    const box = container();
    writeFileSync(join(box.bundleDir, ".env"), "BUN_OPTIONS=--no-such-option\n");
    writeFileSync(join(box.bundleDir, "bunfig.toml"), 'preload = ["./evil.js"]\n');
    writeFileSync(join(box.bundleDir, "evil.js"), 'require("fs").writeFileSync("evil", "")\n');
    const env = {
      ...callerEnvironment(),
      NODE_OPTIONS: "--require ./evil.js",
      BUN_OPTIONS: "--preload ./evil.js",
      BUN_BE_BUN: "1",
    };

    const seen = box.see([], { env, cwd: box.bundleDir });

    expect(seen.pid).toBe(1);
    expect(existsSync(join(box.bundleDir, "evil"))).toBe(false);
  });

  shows("peers", "an environment without anything is enough", () => {
    const box = container();

    expect(box.see([], { env: {} }).pid).toBe(1);
  });

  shows("peers", "XDG_RUNTIME_DIR does not matter to root", () => {
    const box = container();
    const runtimeDir = join(box.dir, "xdg");
    mkdirSync(runtimeDir);

    callRuntime(["list"], { env: { ...callerEnvironment(), XDG_RUNTIME_DIR: runtimeDir } });

    expect(readdirSync(runtimeDir)).toEqual([]);
  });
});
