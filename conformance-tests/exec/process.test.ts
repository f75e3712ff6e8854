import { openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { processOf } from "../support/config";
import { callerEnvironment, launchTool } from "../support/environment";
import { namespaceOf } from "../support/host";
import { capabilityMask, tried } from "../support/report";
import { expectExecRefusal } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

const number = { CAP_CHOWN: 0, CAP_KILL: 5, CAP_NET_BIND_SERVICE: 10, CAP_AUDIT_WRITE: 29 };
const ownMask = [number.CAP_KILL, number.CAP_NET_BIND_SERVICE, number.CAP_AUDIT_WRITE];

rootSuite("exec: a further process is the container's own, but for the flags", () => {
  const container = useContainers();

  shows("peers", "without flags it is as the first one, in all of its namespaces", () => {
    const box = container((config, { rootfsDir }) => {
      writeFileSync(join(rootfsDir, "etc/passwd"), "user:x:1000:1000::/home/user:/bin/sh\n");
      const process = processOf(config);
      process.user = { uid: 1000, gid: 2000, additionalGids: [7, 8], umask: 0o027 };
      process.env = ["PATH=/", "ONE=1"];
      process.cwd = "/tmp";
      process.rlimits = [{ type: "RLIMIT_NOFILE", soft: 300, hard: 500 }];
      process.oomScoreAdj = 321;
      process.ioPriority = { class: "IOPRIO_CLASS_BE", priority: 6 };
      process.scheduler = { policy: "SCHED_BATCH", nice: 3 };
      config.linux.personality = { domain: "LINUX32" };
      config.linux.memoryPolicy = { mode: "MPOL_LOCAL" };
      config.linux.namespaces.push({ type: "cgroup" });
    });
    const pid = box.runWaiting();

    const seen = box.seeExec();

    expect(seen).toMatchObject({
      uids: [1000, 1000, 1000, 1000],
      gids: [2000, 2000, 2000, 2000],
      groups: [7, 8],
      umask: 0o027,
      cwd: "/tmp",
      args: ["/probe"],
      hostname: "probed",
      noNewPrivileges: true,
      oomScoreAdj: 321,
      ioPriority: { class: 2, priority: 6 },
      scheduler: { policy: 3, nice: 3 },
      memoryPolicy: { mode: 4 },
      machine: "i686",
      blockedSignals: [],
      ignoredSignals: [],
      parentDeathSignal: 0,
      dumpable: true,
    });
    expect([...seen.env].sort()).toEqual(["HOME=/home/user", "ONE=1", "PATH=/"]);
    expect(seen.capabilities.bounding).toBe(capabilityMask(ownMask));
    expect(seen.rlimits.RLIMIT_NOFILE).toEqual(["300", "500"]);
    expect(seen.keyring.description).toContain(`_ses.${box.id}`);
    expect(seen.session).toBe(seen.pid);
    expect(seen.processGroup).toBe(seen.pid);
    expect(seen.pid).toBeGreaterThan(1);
    expect(seen.fds.map(({ fd }) => fd)).toEqual([0, 1, 2]);
    for (const kind of ["pid", "net", "ipc", "uts", "mnt", "cgroup", "user"])
      expect({ kind, link: seen.namespaces[kind] }).toEqual({ kind, link: namespaceOf(pid, kind) });
  });

  shows("peers", "its streams are the caller's, and its status is that of exec", () => {
    const box = container();
    box.runWaiting();

    expect(box.seeExec([], ["--stdin"], { input: "some input" }).stdin).toBe("some input");
    for (const status of [0, 1, 42, 254, 255]) {
      const outcome = box.attemptExec(["/probe", "--quiet", "--exit", String(status)]);
      expect(outcome).toMatchObject({ status, stdout: "", stderr: "" });
    }
  });

  shows("peers", "what follows the id is the command's, with all of its dashes", () => {
    const box = container();
    box.runWaiting();

    const { args } = box.seeExec([], ["--append", "/dev/null", "--user", "--quiet"].slice(0, 3));

    expect(args).toEqual(["/probe", "--append", "/dev/null", "--user"]);
  });

  shows("peers", "--user gives it a user, and a group if one is named", () => {
    const box = container((config) => {
      processOf(config).user = { uid: 1, gid: 2, additionalGids: [3] };
    });
    box.runWaiting();

    expect(box.seeExec(["--user", "1000"])).toMatchObject({
      uids: [1000, 1000, 1000, 1000],
      gids: [2, 2, 2, 2],
      groups: [3],
    });
    expect(box.seeExec(["-u", "1000:1001"])).toMatchObject({
      uids: [1000, 1000, 1000, 1000],
      gids: [1001, 1001, 1001, 1001],
    });
  });

  shows("peers", "HOME is that of the user in the container's passwd, or else /", () => {
    const box = container((config, { rootfsDir }) => {
      writeFileSync(join(rootfsDir, "etc/passwd"), "u:x:1000:1000::/home/u:/bin/sh\n");
      processOf(config).env = ["PATH=/"];
    });
    box.runWaiting();

    expect(box.seeExec(["--user", "1000"]).env).toContain("HOME=/home/u");
    expect(box.seeExec(["--user", "1001"]).env).toContain("HOME=/");
    expect(box.seeExec(["--user", "1000", "--env", "HOME=/mine"]).env).toContain("HOME=/mine");
  });

  shows("peers", "--additional-gids are added to the container's own", () => {
    const box = container((config) => {
      processOf(config).user = { uid: 0, gid: 0, additionalGids: [5] };
    });
    box.runWaiting();

    const { groups } = box.seeExec(["--additional-gids", "100", "--additional-gids=65534"]);

    expect([...groups].sort((a, b) => a - b)).toEqual([5, 100, 65534]);
  });

  shows("peers", "--env is added, and the last variable of a name wins", () => {
    const box = container((config) => {
      processOf(config).env = ["PATH=/", "ONE=container"];
    });
    box.runWaiting();

    const { env } = box.seeExec(["--env", "ONE=exec", "--env=TWO=a=b", "--env", "EMPTY="]);

    expect(env).toEqual(expect.arrayContaining(["ONE=exec", "TWO=a=b", "EMPTY=", "PATH=/"]));
    expect(env.filter((variable) => variable.startsWith("ONE="))).toHaveLength(1);
  });

  shows("peers", "--cwd is its working directory, which has to be there", () => {
    const box = container((config) => {
      config.root = { path: "rootfs" };
    });
    box.runWaiting();

    expect(box.seeExec(["--cwd", "/tmp"]).cwd).toBe("/tmp");
    expectExecRefusal(box.attemptExec(["/probe"], ["--cwd", "/tmp/none"]), "/tmp/none");
  });

  shows("peers", "a program without a slash is looked up in the PATH of the container", () => {
    const box = container();
    box.runWaiting();

    expect(JSON.parse(box.exec(["probe"]).stdout).args).toEqual(["probe"]);
  });

  shows("peers", "--cap adds to what root may have, and not to what is inherited", () => {
    const box = container();
    box.runWaiting();
    const mask = capabilityMask([...ownMask, number.CAP_CHOWN]);

    expect(box.seeExec(["--cap", "CAP_CHOWN"]).capabilities).toEqual({
      bounding: mask,
      permitted: mask,
      effective: mask,
      inheritable: "0",
      ambient: "0",
    });
    expect(box.seeExec().capabilities.bounding).toBe(capabilityMask(ownMask));
  });

  shows(
    "ours",
    "--cap may be in small letters and without its prefix; no capability is a warning",
    () => {
      const box = container();
      box.runWaiting();

      expect(box.seeExec(["--cap", "chown"]).capabilities.effective).toBe(
        capabilityMask([...ownMask, number.CAP_CHOWN]),
      );
      const outcome = box.exec(["/probe", "--quiet"], ["--cap", "CAP_NONE"]);
      expect(outcome.stderr).toMatch(/level=warning .*CAP_NONE.* is no capability/);
    },
  );

  shows("peers", "--cap adds to the ambient set where the container has inheritable ones", () => {
    const box = container((config) => {
      const own = processOf(config);
      own.capabilities = { ...own.capabilities, inheritable: ["CAP_KILL"] };
    });
    box.runWaiting();

    const { capabilities } = box.seeExec(["--cap", "CAP_CHOWN", "--user", "1000"]);

    expect(capabilities.ambient).toBe(capabilityMask([number.CAP_CHOWN]));
    expect(capabilities.effective).toBe(capabilityMask([number.CAP_CHOWN]));
  });

  shows("peers", "--no-new-privs sets it, where the container has not", () => {
    const box = container((config) => {
      processOf(config).noNewPrivileges = false;
    });
    box.runWaiting();

    expect(box.seeExec().noNewPrivileges).toBe(false);
    expect(box.seeExec(["--no-new-privs"]).noNewPrivileges).toBe(true);
  });

  shows("peers", "--preserve-fds passes that many on, and no more", () => {
    const box = container();
    box.runWaiting();
    const fds = ["one", "two", "three"].map((name) => openSync(join(box.dir, name), "w"));

    const seen = box.seeExec(["--preserve-fds=2"], [], { fds });

    expect(seen.fds.map(({ fd }) => fd)).toEqual([0, 1, 2, 3, 4]);
    expect(seen.fds[4]?.target).toContain("two");
    expectExecRefusal(
      box.attemptExec(["/probe"], ["--preserve-fds", "9"], { fds }),
      /preserve|file descriptor/,
    );
  });

  shows("peers", "sockets of socket activation are the first process's alone", () => {
    const box = container();
    box.runWaiting();
    const fds = [openSync(join(box.dir, "one"), "w")];
    const env = { ...callerEnvironment(), LISTEN_FDS: "1" };

    const seen = box.seeExec([], [], { env, fds });

    expect(seen.fds.map(({ fd }) => fd)).toEqual([0, 1, 2]);
    expect(seen.env.join()).not.toContain("LISTEN");
  });

  shows("security", "signals that the caller blocked or ignored are as after boot", () => {
    const box = container();
    box.runWaiting();
    const through = [launchTool, "--block", "10", "--ignore", "13", "--block", "34", "--"];

    expect(box.seeExec([], [], { through })).toMatchObject({
      blockedSignals: [],
      ignoredSignals: [],
    });
  });

  shows("security", "a caller without standard streams may exec, too", () => {
    const box = container();
    const shared = box.share("/shared");
    box.runWaiting();
    const through = [launchTool, "--close", "0", "--close", "1", "--close", "2", "--"];

    box.exec(["/probe", "--out", "/shared/report", "--create", "/shared/done"], [], { through });

    expect(tried(box.seeExec([], ["--stat", "/shared/done"]), "stat", "/shared/done").error).toBe(
      "",
    );
    expect(shared).not.toBe("");
  });

  shows("peers", "without --no-new-keyring it has the container's session keyring", () => {
    const box = container();
    box.probe("--quiet", "--wait");
    box.do("run", ["--detach", "--no-new-keyring"]);

    expect(box.seeExec().keyring.description).not.toContain(`_ses.${box.id}`);
  });

  for (const [what, flags, words] of [
    ["an environment variable without a name", ["--env", "=x"], "--env"],
    ["an environment variable without a value", ["--env", "X"], "--env"],
    ["a relative --cwd", ["--cwd", "tmp"], "cwd"],
    ["a group that is no number", ["--additional-gids", "staff"], "additional-gids"],
  ] as const) {
    shows("ours", `${what} is refused`, () => {
      const box = container();
      box.runWaiting();

      expectExecRefusal(box.attemptExec(["/probe"], flags), words);
    });
  }
});
