import type { Process } from "../generated/config";
import { changedProcess, completedProcess, type ProcessChanges } from "./further-process";

const own: Process = {
  args: ["own"],
  cwd: "/own",
  env: ["PATH=/bin", "A=own"],
  terminal: true,
  consoleSize: { height: 1, width: 2 },
  user: { uid: 1, gid: 2, additionalGids: [3], umask: 0o27 },
  capabilities: { bounding: ["CAP_KILL"], effective: ["CAP_KILL"] },
  rlimits: [{ type: "RLIMIT_CORE", soft: 0n, hard: 1n }],
  noNewPrivileges: true,
  apparmorProfile: "own-profile",
  selinuxLabel: "own-label",
  oomScoreAdj: 5,
  ioPriority: { class: "IOPRIO_CLASS_BE", priority: 3 },
  execCPUAffinity: { final: "0" },
};

const noChanges: ProcessChanges = {
  args: ["x"],
  env: [],
  terminal: false,
  additionalGids: [],
  capabilities: [],
  noNewPrivileges: false,
};
const changed = (changes: Partial<ProcessChanges>, base: Process | undefined = own) =>
  changedProcess(base, { ...noChanges, ...changes });

describe("the container's own process with what the flags change", () => {
  test("without flags only the command is another, and there is no terminal", () => {
    const { consoleSize: _, ...rest } = own;

    expect(changed({})).toEqual({ ...rest, args: ["x"], terminal: false });
  });

  test("variables, groups and capabilities are added", () => {
    expect(
      changed({ env: ["A=x", "B=y"], additionalGids: [4], capabilities: ["CAP_CHOWN"] }),
    ).toMatchObject({
      env: ["PATH=/bin", "A=own", "A=x", "B=y"],
      user: { uid: 1, gid: 2, additionalGids: [3, 4], umask: 0o27 },
      capabilities: {
        bounding: ["CAP_KILL", "CAP_CHOWN"],
        effective: ["CAP_KILL", "CAP_CHOWN"],
        permitted: ["CAP_CHOWN"],
      },
    });
  });

  test("inheritable and ambient capabilities only where there are inheritable ones", () => {
    const withInheritable = { ...own, capabilities: { inheritable: ["CAP_KILL"] } } as Process;

    expect(changed({ capabilities: ["CAP_CHOWN"] }).capabilities).not.toHaveProperty("ambient");
    expect(changed({ capabilities: ["CAP_CHOWN"] }, withInheritable).capabilities).toMatchObject({
      inheritable: ["CAP_KILL", "CAP_CHOWN"],
      ambient: ["CAP_CHOWN"],
    });
  });

  test("the rest is replaced", () => {
    expect(
      changed({
        cwd: "/x",
        terminal: true,
        uid: 7,
        gid: 8,
        apparmorProfile: "p",
        selinuxLabel: "l",
      }),
    ).toMatchObject({
      cwd: "/x",
      terminal: true,
      user: { uid: 7, gid: 8 },
      apparmorProfile: "p",
      selinuxLabel: "l",
    });
    expect(changed({ uid: 7 }).user).toMatchObject({ uid: 7, gid: 2 });
  });

  test("--no-new-privs sets it, and its absence takes nothing away", () => {
    const { noNewPrivileges: _, ...without } = own;

    expect(changed({ noNewPrivileges: true }, without).noNewPrivileges).toBe(true);
    expect(changed({}).noNewPrivileges).toBe(true);
    expect(changed({}, without).noNewPrivileges).toBeUndefined();
  });

  test("a container without a process of its own gives root without capabilities", () => {
    expect(changedProcess(undefined, noChanges)).toEqual({
      args: ["x"],
      terminal: false,
      env: [],
      cwd: "/",
      user: { uid: 0, gid: 0, additionalGids: [] },
    });
  });
});

describe("a whole process", () => {
  const given: Process = { args: ["x"], cwd: "/", user: { uid: 9, gid: 9 } };

  test("has of the container's own what it leaves open, and no more", () => {
    expect(completedProcess(given, own)).toEqual({
      ...given,
      user: { uid: 9, gid: 9, umask: 0o27 },
      capabilities: own.capabilities,
      rlimits: own.rlimits,
      oomScoreAdj: 5,
      ioPriority: own.ioPriority,
      execCPUAffinity: own.execCPUAffinity,
      apparmorProfile: "own-profile",
      selinuxLabel: "own-label",
    });
  });

  test("what it says holds", () => {
    const whole: Process = {
      ...given,
      user: { uid: 9, gid: 9, umask: 0 },
      capabilities: {},
      rlimits: [{ type: "RLIMIT_CPU", soft: 1n, hard: 1n }],
      oomScoreAdj: 0,
      ioPriority: { class: "IOPRIO_CLASS_IDLE", priority: 0 },
      scheduler: { policy: "SCHED_IDLE" },
      execCPUAffinity: { initial: "1" },
      apparmorProfile: "p",
      selinuxLabel: "l",
    };

    expect(completedProcess(whole, own)).toEqual(whole);
  });

  test("stays as it is where the container has none", () => {
    expect(completedProcess(given, undefined)).toEqual(given);
  });
});
