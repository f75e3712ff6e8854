import { openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { processOf } from "../support/config";
import { parseReport } from "../support/container";
import { capabilityMask } from "../support/report";
import { expectExecRefusal } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";

rootSuite("exec: --process", () => {
  const container = useContainers();

  shows("config.md#process", "the file says all of the process", () => {
    const box = container();
    box.runWaiting();
    const file = box.processFile({
      args: ["/probe", "--append", "/dev/null", "x"],
      cwd: "/tmp",
      env: ["PATH=/", "OF=the file"],
      user: { uid: 1000, gid: 1001, additionalGids: [9], umask: 0o077 },
      capabilities: { bounding: ["CAP_CHOWN"] },
      rlimits: [{ type: "RLIMIT_NOFILE", soft: 200, hard: 400 }],
      noNewPrivileges: true,
      oomScoreAdj: 77,
      scheduler: { policy: "SCHED_IDLE" },
      ioPriority: { class: "IOPRIO_CLASS_IDLE", priority: 0 },
    });

    for (const flags of [["--process", file], [`-p=${file}`]]) {
      const seen = parseReport(box.exec([], flags).stdout);
      expect(seen).toMatchObject({
        args: ["/probe", "--append", "/dev/null", "x"],
        cwd: "/tmp",
        env: expect.arrayContaining(["OF=the file", "HOME=/"]),
        uids: [1000, 1000, 1000, 1000],
        gids: [1001, 1001, 1001, 1001],
        groups: [9],
        umask: 0o077,
        noNewPrivileges: true,
        oomScoreAdj: 77,
        scheduler: { policy: 5 },
        ioPriority: { class: 3 },
      });
      expect(seen.capabilities.bounding).toBe(capabilityMask([0]));
      expect(seen.rlimits.RLIMIT_NOFILE).toEqual(["200", "400"]);
    }
  });

  shows("peers", "what the file leaves open is as with the container's own", () => {
    const box = container((config) => {
      const own = processOf(config);
      own.rlimits = [{ type: "RLIMIT_NOFILE", soft: 300, hard: 500 }];
      own.oomScoreAdj = 55;
      own.ioPriority = { class: "IOPRIO_CLASS_BE", priority: 5 };
      own.scheduler = { policy: "SCHED_BATCH", nice: 2 };
      own.user.umask = 0o013;
      own.env = ["PATH=/", "OWN=1"];
    });
    box.runWaiting();

    const seen = parseReport(box.exec([], ["--process", box.processFile()]).stdout);

    expect(seen).toMatchObject({
      oomScoreAdj: 55,
      ioPriority: { class: 2, priority: 5 },
      scheduler: { policy: 3, nice: 2 },
      umask: 0o013,
    });
    expect(seen.rlimits.RLIMIT_NOFILE).toEqual(["300", "500"]);
    expect(seen.capabilities.bounding).toBe(capabilityMask([5, 10, 29]));
    // But for its environment: engines write that whole.
    expect(seen.env.join()).not.toContain("OWN");
  });

  shows("peers", "the file may be a descriptor of the caller's, even a pipe", () => {
    const box = container();
    box.runWaiting();
    const fds = [openSync(box.processFile({ cwd: "/tmp" }), "r")];

    expect(parseReport(box.exec([], ["--process", "/dev/fd/3"], { fds }).stdout).cwd).toBe("/tmp");

    const through = ["sh", "-c", `cat ${box.processFile({ cwd: "/etc" })} | "$0" "$@"`];
    const outcome = box.exec([], ["--process", "/dev/stdin"], { through });
    expect(parseReport(outcome.stdout).cwd).toBe("/etc");
  });

  shows("peers", "a relative name counts from the caller's working directory", () => {
    const box = container();
    box.runWaiting();
    box.processFile({ cwd: "/tmp" });

    const outcome = box.exec([], ["--process", "process.json"], { cwd: box.dir });

    expect(parseReport(outcome.stdout).cwd).toBe("/tmp");
  });

  shows("ours", "a limit above 2^53 is exact", () => {
    const box = container();
    box.runWaiting();
    const file = join(box.dir, "process.json");
    writeFileSync(
      file,
      '{"args":["/probe"],"cwd":"/","user":{"uid":0,"gid":0},' +
        '"rlimits":[{"type":"RLIMIT_CORE","soft":9007199254740993,"hard":9223372036854775809}]}',
    );

    expect(parseReport(box.exec([], ["--process", file]).stdout).rlimits.RLIMIT_CORE).toEqual([
      "9007199254740993",
      "9223372036854775809",
    ]);
  });

  shows(
    "config.md#linux-process",
    "a capability in the file that nobody knows is a warning",
    () => {
      const box = container();
      box.runWaiting();
      const file = box.processFile({ capabilities: { bounding: ["CAP_KILL", "CAP_NONE"] } });

      const outcome = box.exec([], ["--process", file]);

      expect(outcome.stderr).toMatch(/level=warning .*CAP_NONE/);
      expect(parseReport(outcome.stdout).capabilities.bounding).toBe(capabilityMask([5]));
    },
  );

  shows("config.md#process", "a file that is not there, or no process, is refused", () => {
    const box = container();
    box.runWaiting();
    const file = join(box.dir, "process.json");

    expectExecRefusal(box.attemptExec([], ["--process", file]), "process.json", /no such file/i);
    for (const [text, ...words] of [
      ["", "process.json"],
      ["null", "process.json"],
      ["[]", "process.json"],
      ['{"args":["x"]', "process.json"],
      ['{"args":[],"cwd":"/","user":{"uid":0,"gid":0}}', "args"],
      ['{"args":["x"],"cwd":"tmp","user":{"uid":0,"gid":0}}', "cwd"],
      ['{"args":["x"],"cwd":"/","user":{"uid":-1,"gid":0}}', "uid"],
      ['{"args":["x"],"cwd":"/","user":{"uid":0,"gid":0}},"root":{"path":"/x"', "process.json"],
    ] as const) {
      writeFileSync(file, text);
      expectExecRefusal(box.attemptExec([], ["--process", file]), ...words);
    }
  });

  shows("ours", "a problem is told with its place in the file", () => {
    const box = container();
    box.runWaiting();
    const file = join(box.dir, "process.json");
    writeFileSync(file, '{\n  "args": ["x"],\n  "cwd": "tmp",\n  "user": {"uid": 0, "gid": 0}\n}');

    const outcome = box.attemptExec([], ["--process", file]);

    expectExecRefusal(outcome, file, "3:10: /cwd: ");
    expect(outcome.stderr).not.toContain("/process/cwd");
  });

  shows("ours", "a command beside the file is refused", () => {
    const box = container();
    box.runWaiting();

    expectExecRefusal(box.attemptExec(["/probe"], ["--process", box.processFile()]), "twice");
  });
});
