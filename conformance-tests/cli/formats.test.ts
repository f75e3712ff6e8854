import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { runtimeName, runtimePath } from "../support/environment";
import { callRuntime, expectRefusal, mustCall } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

rootSuite("command line: formats", () => {
  const container = useContainers();

  shows("peers", "state is indented JSON with the properties in runc's order", () => {
    const box = container((config) => {
      config.annotations = { "org.example.key": "value" };
    });
    box.do("create");

    const { stdout } = box.do("state");

    const state = JSON.parse(stdout) as Record<string, unknown>;
    expect(Object.keys(state)).toEqual([
      "ociVersion",
      "id",
      "pid",
      "status",
      "bundle",
      "rootfs",
      "created",
      "annotations",
      "owner",
    ]);
    expect(state).toMatchObject({
      rootfs: box.rootfsDir,
      created: expect.stringMatching(rfc3339),
      owner: expect.any(String),
    });
    expect(stdout).toMatch(/^{\n {2}"ociVersion"/);
  });

  shows("peers", "list --format json is one line, an array of states", () => {
    const box = container();
    box.do("create");

    const { stdout } = mustCall(["--root", box.stateRoot, "list", "--format", "json"]);

    expect(stdout.trimEnd().split("\n")).toHaveLength(1);
    const [entry] = JSON.parse(stdout) as Record<string, unknown>[];
    expect(entry).toMatchObject({
      id: box.id,
      pid: box.state().pid,
      status: "created",
      bundle: box.bundleDir,
      rootfs: box.rootfsDir,
    });
    expect(Object.keys(entry ?? {}).slice(0, 7)).toEqual([
      "ociVersion",
      "id",
      "pid",
      "status",
      "bundle",
      "rootfs",
      "created",
    ]);
  });

  shows("peers", "list is a table, and list -q the ids alone", () => {
    const box = container();
    box.do("create");

    const table = mustCall(["--root", box.stateRoot, "list"]).stdout.trimEnd().split("\n");
    const ids = mustCall(["--root", box.stateRoot, "list", "-q"]).stdout;

    expect(table[0]).toMatch(/^ID +PID +STATUS +BUNDLE +CREATED +OWNER\s*$/);
    expect(table[1]).toMatch(
      new RegExp(`^${box.id} +${box.state().pid} +created +${box.bundleDir} +\\S+ +root\\s*$`),
    );
    expect(ids).toBe(`${box.id}\n`);
  });

  shows("peers", "list of an empty root is empty", () => {
    const box = container();
    box.do("run");

    expect(mustCall(["--root", box.stateRoot, "list", "-q"]).stdout).toBe("");
    expect(["null", "[]"]).toContain(
      mustCall(["--root", box.stateRoot, "list", "-f", "json"]).stdout.trim(),
    );
  });

  shows("peers", "list of a root that is not there is refused", () => {
    const box = container();

    expectRefusal(callRuntime(["--root", join(box.dir, "missing"), "list"]), "missing");

    expect(existsSync(join(box.dir, "missing"))).toBe(false);
  });

  shows("peers", "--version says what the runtime is, and of which specification", () => {
    for (const flag of ["--version", "-v"]) {
      const lines = mustCall([flag]).stdout.split("\n");

      expect(lines[0]).toMatch(new RegExp(`^${runtimeName} version \\d+\\.\\d+\\.\\d+`));
      expect(lines[1]).toMatch(/^commit: /);
      expect(lines[2]).toMatch(/^spec: 1\.\d+\.\d+/);
    }
  });

  shows("peers", "called as runc it says that it is runc", () => {
    const box = container();
    const link = join(box.dir, "runc");
    symlinkSync(runtimePath, link);

    // What comes after the script is its own, so the runtime's path is not called here.
    const { stdout } = callRuntime([], { through: ["sh", "-c", `exec ${link} --version`] });

    expect(stdout).toMatch(/^runc version \d+\.\d+\.\d+/);
  });

  shows("peers", "the pid file holds the pid and nothing else", () => {
    const box = container();
    const file = join(box.dir, "pid");

    box.do("create", ["--pid-file", file]);

    expect(readFileSync(file, "utf8")).toBe(String(box.state().pid));
    expect(readdirSync(box.dir).filter((name) => name.startsWith(".pid"))).toEqual([]);
  });

  shows("peers", "a relative pid file is in the caller's directory", () => {
    const box = container();

    box.do("create", ["--pid-file", "relative.pid"], { cwd: box.dir });

    expect(readFileSync(join(box.dir, "relative.pid"), "utf8")).toBe(String(box.state().pid));
  });

  shows("security", "a pid file replaces a symlink instead of following it", () => {
    const box = container();
    const target = join(box.dir, "target");
    writeFileSync(target, "precious");
    symlinkSync(target, join(box.dir, "pid"));

    box.do("create", ["--pid-file", join(box.dir, "pid")]);

    expect(readFileSync(target, "utf8")).toBe("precious");
  });

  shows(
    "runtime.md#errors",
    "a pid file that cannot be written makes create fail, and leaves nothing",
    () => {
      const box = container();

      expectRefusal(box.attempt("create", ["--pid-file", "/nonexistent/pid"]), "/nonexistent");

      expect(box.leftovers()).toEqual([]);
    },
  );

  shows("features.md", "features lists what is accepted", () => {
    const features = JSON.parse(mustCall(["features"]).stdout) as Record<string, unknown>;

    expect(features).toMatchObject({
      ociVersionMin: "1.0.0",
      ociVersionMax: "1.3.0",
      hooks: [
        "prestart",
        "createRuntime",
        "createContainer",
        "startContainer",
        "poststart",
        "poststop",
      ],
      mountOptions: expect.arrayContaining([
        "rro",
        "idmap",
        "ridmap",
        "tmpcopyup",
        "rnodev",
        "bind",
        "rbind",
      ]),
      linux: {
        namespaces: expect.arrayContaining([
          "cgroup",
          "ipc",
          "mount",
          "network",
          "pid",
          "time",
          "user",
          "uts",
        ]),
        capabilities: expect.arrayContaining(["CAP_CHOWN", "CAP_CHECKPOINT_RESTORE"]),
        mountExtensions: { idmap: { enabled: true } },
        netDevices: { enabled: true },
      },
    });
  });

  for (const version of ["1.0.0", "1.0.2-dev", "1.1.0+dev", "1.3.0", "1.3.7", "1.99.0"]) {
    shows("config.md#specification-version", `a config of version ${version} is accepted`, () => {
      const box = container((config) => {
        config.ociVersion = version;
      });

      expect(box.see().pid).toBe(1);
    });
  }

  for (const version of ["", "1", "1.0", "2.0.0", "one", "1.0.0.0", "01.0.0"]) {
    shows(
      "config.md#specification-version",
      `a config of version ${JSON.stringify(version)} is refused`,
      () => {
        const box = container((config) => {
          config.ociVersion = version;
        });

        expectRefusal(box.attempt("create"), "ociVersion");

        expect(box.leftovers()).toEqual([]);
      },
    );
  }

  shows("peers", "spec writes a config.json that validates, and does not overwrite one", () => {
    const box = container();
    const dir = join(box.dir, "fresh");
    mkdirSync(join(dir, "rootfs"), { recursive: true });

    mustCall(["spec"], { cwd: dir });
    expect(JSON.parse(readFileSync(join(dir, "config.json"), "utf8"))).toMatchObject({
      process: { args: ["sh"], terminal: true, cwd: "/", noNewPrivileges: true },
      root: { path: "rootfs", readonly: true },
    });
    expectRefusal(callRuntime(["spec"], { cwd: dir }), /config\.json exists\. Remove it first/);
    mustCall(["validate", dir]);
  });
});
