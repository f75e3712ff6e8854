import { commandOf, parse, root } from "./args-fixture";
import type { Surroundings } from "./command-line";

const globalsOf = (argv: readonly string[], surroundings = root) =>
  parse([...argv, "list"], surroundings).globals;

describe("global flags", () => {
  test("without any", () => {
    expect(globalsOf([])).toEqual({
      stateRoot: "/run/tsoci",
      stateRootGiven: false,
      logFormat: "text",
      debug: false,
      systemdCgroup: false,
      rootless: "auto",
    });
  });

  test("as go-runc sends them, and twice over as conmon-rs does", () => {
    const once =
      "--root /r --debug --log l.json --log-format json --systemd-cgroup --rootless=false".split(
        " ",
      );
    const expected = {
      stateRoot: "/r",
      stateRootGiven: true,
      logFile: "/here/l.json",
      logFormat: "json",
      debug: true,
      systemdCgroup: true,
      rootless: false,
    };

    expect(globalsOf(once)).toEqual(expected);
    expect(globalsOf(["--root=/first", ...once, ...once])).toEqual(expected);
  });

  test.each([
    [1000, { XDG_RUNTIME_DIR: "/run/user/1000" }, "/run/user/1000/tsoci"],
    [1000, {}, "/run/tsoci"],
    [0, { XDG_RUNTIME_DIR: "/run/user/0" }, "/run/tsoci"],
  ])("the state root of user %d with %j", (euid, environment, stateRoot) => {
    expect(globalsOf([], { ...root, euid, environment }).stateRoot).toBe(stateRoot);
  });

  test.each([
    [{ XDG_RUNTIME_DIR: "/run/user/7" }, "/run/user/7/tsoci"],
    [{ XDG_RUNTIME_DIR: "/run/user/7", USER: "ann" }, "/run/user/7/tsoci"],
    [{ XDG_RUNTIME_DIR: "/run/user/7", USER: "root" }, "/run/tsoci"],
    [{ USER: "ann" }, "/run/tsoci"],
  ])("the state root of root in a user namespace with %j", (environment, stateRoot) => {
    const inside = { ...root, inUserNamespace: true, environment };

    expect(globalsOf([], inside).stateRoot).toBe(stateRoot);
  });

  test.each([
    [["--cgroup-manager=systemd"], { systemdCgroup: true }],
    [["--systemd-cgroup", "--cgroup-manager", "cgroupfs"], { systemdCgroup: false }],
    [["--cgroup-manager=disabled"], { systemdCgroup: false, withoutCgroups: true }],
  ])("%j says who makes cgroups", (argv, expected) => {
    expect(globalsOf(argv)).toMatchObject(expected);
  });

  test("a relative root starts at the working directory", () => {
    expect(globalsOf(["--root", "r/../s"]).stateRoot).toBe("/here/s");
  });

  test("an absolute path does not ask for a working directory that is gone", () => {
    const gone: Surroundings = {
      get cwd(): string {
        throw new Error("ENOENT");
      },
      environment: {},
      euid: 0,
      inUserNamespace: false,
    };

    const { command } = parse(["--root", "/r", "create", "-b", "/b", "web"], gone);

    expect(command).toMatchObject({ request: { bundleDir: "/b" } });
  });

  test.each(["create", "run", "state", "start", "kill", "delete"])(
    "%s takes what callers send with every command",
    (name) => {
      expect(commandOf(["--systemd-cgroup", "--rootless=true", name, "web"]).name).toBe(name);
    },
  );
});
