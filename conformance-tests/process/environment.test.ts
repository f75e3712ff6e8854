import { chownSync, closeSync, existsSync, mkdirSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { processOf, withUserNamespace } from "../support/config";
import { callerEnvironment, launchTool } from "../support/environment";
import { expectRefusal } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

rootSuite("process: its surroundings", () => {
  const container = useContainers();

  shows("config.md#process", "args are the program's argv as they stand", () => {
    const box = container();
    const args = [
      "--quiet",
      "--append",
      "/dev/null",
      "a b",
      "--append",
      "/dev/null",
      'ü "$HOME"\n\\',
    ];
    box.probe(...args.slice(1));

    // The probe prints Latin-1 for what is not ASCII.
    const seen = box.see().args.map((word) => Buffer.from(word, "latin1").toString("utf8"));

    expect(seen).toEqual(["/probe", ...args.slice(1)]);
  });

  shows(
    "config.md#process",
    "a program without a slash is looked up in the PATH of the config",
    () => {
      const box = container((config) => {
        processOf(config).args = ["probe"];
        processOf(config).env = ["PATH=/nowhere:/"];
      });

      expect(box.see().args).toEqual(["probe"]);
    },
  );

  shows(
    "config.md#process",
    "env is the program's environment, and nothing of the caller's",
    () => {
      const box = container((config) => {
        processOf(config).env = ["PATH=/", "ONE=1", "EMPTY=", "WITH=equals=sign", "NEWLINE=a\nb"];
      });
      const env = {
        ...callerEnvironment(),
        SECRET: "of the caller",
        NODE_OPTIONS: "--no-such-option",
        BUN_OPTIONS: "--no-such-option",
      };

      const seen = box.see([], { env }).env;

      expect(seen).toEqual(
        expect.arrayContaining(["ONE=1", "EMPTY=", "WITH=equals=sign", "NEWLINE=a\nb"]),
      );
      expect(seen.join("\n")).not.toMatch(/SECRET|NODE_|BUN_|TSOCI/);
    },
  );

  shows("config.md#process", "the last of two variables of a name wins", () => {
    const box = container((config) => {
      processOf(config).env = ["PATH=/", "TWICE=first", "TWICE=second"];
    });

    expect(box.see().env.filter((entry) => entry.startsWith("TWICE="))).toEqual(["TWICE=second"]);
  });

  shows("peers", "HOME is taken from the container's passwd when the config has none", () => {
    const box = container((config, { rootfsDir }) => {
      writeFileSync(
        join(rootfsDir, "etc/passwd"),
        "root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n",
      );
      processOf(config).user = { uid: 1000, gid: 1000 };
      processOf(config).env = ["PATH=/"];
    });

    expect(box.see().env).toContain("HOME=/home/user");
  });

  shows(
    "peers",
    "HOME is / for a user that the container's passwd does not know, and stays when it is set",
    () => {
      const box = container((config) => {
        processOf(config).user = { uid: 4321, gid: 1 };
        processOf(config).env = ["PATH=/"];
      });
      expect(box.see().env).toContain("HOME=/");

      processOf(box.config).env = ["PATH=/", "HOME=/mine"];
      box.writeConfig();
      expect(box.see().env.filter((entry) => entry.startsWith("HOME="))).toEqual(["HOME=/mine"]);
    },
  );

  shows(
    "config.md#process",
    "cwd is the working directory, and is made when it is not there",
    () => {
      const box = container((config, { rootfsDir }) => {
        config.root = { path: "rootfs" };
        mkdirSync(join(rootfsDir, "some/where"), { recursive: true });
        processOf(config).cwd = "/some/where";
      });
      expect(box.see().cwd).toBe("/some/where");

      processOf(box.config).cwd = "/not/there/yet";
      box.writeConfig();
      expect(box.see().cwd).toBe("/not/there/yet");
    },
  );

  shows("config.md#process", "a cwd that only the container's user may enter is entered", () => {
    const box = container((config, { rootfsDir }) => {
      const dir = join(rootfsDir, "private");
      mkdirSync(dir, { mode: 0o700 });
      chownSync(dir, 101_000, 101_000);
      withUserNamespace(config, 100_000);
      processOf(config).user = { uid: 1000, gid: 1000 };
      processOf(config).cwd = "/private";
      processOf(config).capabilities = {};
    });

    expect(box.see().cwd).toBe("/private");
  });

  shows("config.md#process", "a cwd that only root may enter is entered for a user, too", () => {
    const box = container((config, { rootfsDir }) => {
      mkdirSync(join(rootfsDir, "private"), { mode: 0o700 });
      processOf(config).user = { uid: 1000, gid: 1000 };
      processOf(config).cwd = "/private";
    });
    // The program is found by its absolute path; getcwd needs no right to enter.
    expect(box.see().uids[0]).toBe(1000);
  });

  for (const cwd of ["tmp", "", "./"]) {
    shows("config.md#process", `the cwd ${JSON.stringify(cwd)} is refused`, () => {
      const box = container((config) => {
        processOf(config).cwd = cwd;
      });

      expectRefusal(box.attempt("create"), "cwd");

      expect(box.leftovers()).toEqual([]);
    });
  }

  shows("config.md#process", "a process without args is refused", () => {
    for (const args of [[], undefined]) {
      const box = container((config) => {
        if (args === undefined) delete processOf(config).args;
        else processOf(config).args = args;
      });

      expectRefusal(box.attempt("create"), "args");

      expect(box.leftovers()).toEqual([]);
    }
  });

  shows(
    "runtime-linux.md#file-descriptors",
    "the program has no descriptor but its standard streams",
    () => {
      const box = container();
      const fds = Array.from({ length: 5 }, () => openSync("/etc/passwd", "r"));

      const seen = box.see([], { fds });

      for (const fd of fds) closeSync(fd);
      expect(seen.fds.map(({ fd }) => fd)).toEqual([0, 1, 2]);
    },
  );

  shows(
    "CVE-2024-21626",
    "descriptors that the caller left open are closed, wherever they are",
    () => {
      const box = container();
      const through = [
        launchTool,
        "--open",
        "17",
        "/",
        "--open",
        "18",
        "/etc/passwd",
        "--open",
        "900",
        "/tmp",
        "--",
      ];

      expect(box.see([], { through }).fds.map(({ fd }) => fd)).toEqual([0, 1, 2]);
    },
  );

  shows(
    "runtime-linux.md#file-descriptors",
    "--preserve-fds passes that many on, and no more",
    () => {
      const box = container();
      const files = ["one", "two", "three"].map((name) => join(box.dir, name));
      const fds = files.map((path) => openSync(path, "w"));

      const seen = box.see(["--preserve-fds", "2"], { fds });

      for (const fd of fds) closeSync(fd);
      expect(seen.fds.map(({ fd }) => fd)).toEqual([0, 1, 2, 3, 4]);
      expect(seen.fds[3]?.target).toContain("one");
      expect(seen.fds[4]?.target).toContain("two");
      expect(seen.fds.map(({ closeOnExec }) => closeOnExec)).toEqual([
        false,
        false,
        false,
        false,
        false,
      ]);
    },
  );

  shows(
    "runtime-linux.md#file-descriptors",
    "preserved descriptors that the caller does not have are refused",
    () => {
      const box = container();

      expectRefusal(box.attempt("run", ["--preserve-fds", "3"]), /preserve|file descriptor/);

      expect(box.leftovers()).toEqual([]);
    },
  );

  shows(
    "runtime-linux.md#file-descriptors",
    "LISTEN_FDS passes sockets on, with their names",
    () => {
      const box = container();
      const fds = ["one", "two"].map((name) => openSync(join(box.dir, name), "w"));
      const env = { ...callerEnvironment(), LISTEN_FDS: "2", LISTEN_FDNAMES: "web:api" };

      const seen = box.see([], { env, fds });

      for (const fd of fds) closeSync(fd);
      expect(seen.fds.map(({ fd }) => fd)).toEqual([0, 1, 2, 3, 4]);
      expect(seen.env).toEqual(
        expect.arrayContaining(["LISTEN_FDS=2", "LISTEN_PID=1", "LISTEN_FDNAMES=web:api"]),
      );
    },
  );

  shows(
    "runtime-linux.md#file-descriptors",
    "standard streams are the caller's own files, their flags untouched",
    () => {
      const box = container();
      const outcome = box.do("run", [], { input: "some input" });
      box.probe("--stdin");

      const again = box.see([], { input: "some input" });

      expect(again.stdin).toBe("some input");
      expect(again.fds[1]?.target).toContain("/stdout");
      expect(again.fds.slice(0, 3).map(({ nonBlocking }) => nonBlocking)).toEqual([
        false,
        false,
        false,
      ]);
      expect(outcome.stderr).toBe("");
    },
  );

  shows("security", "signals that the caller blocked or ignored are as after boot", () => {
    const box = container();
    const signals = ["1", "10", "12", "13", "25", "34", "64"];
    const through = [
      launchTool,
      ...signals.flatMap((signal) => ["--block", signal]),
      ...signals.flatMap((signal) => ["--ignore", signal]),
      "--",
    ];

    const seen = box.see([], { through });

    expect(seen).toMatchObject({ blockedSignals: [], ignoredSignals: [] });
  });

  shows("security", "a caller without standard streams gets its container", () => {
    const box = container();
    const shared = box.share("/shared");
    box.probe("--out", "/shared/report", "--create", "/shared/done");
    const through = [launchTool, "--close", "0", "--close", "1", "--close", "2", "--"];

    expect(box.attempt("run", [], { through }).status).toBe(0);

    expect(existsSync(join(shared, "done"))).toBe(true);
  });

  shows(
    "peers",
    "the program may use every processor, whatever the caller was bound to",
    () => {
      const box = container();
      const free = box.see().affinity;

      expect(box.see([], { through: [launchTool, "--affinity", "0", "--"] }).affinity).toEqual(
        free,
      );
    },
    ["two processors"],
  );
});
