import { commandOf, refusalOf } from "../args-fixture";

const parse = (argv: readonly string[]) => commandOf(["exec", ...argv]);
const refusal = (argv: readonly string[]) => refusalOf(["exec", ...argv]);

const noChanges = {
  args: [],
  env: [],
  terminal: false,
  additionalGids: [],
  capabilities: [],
  noNewPrivileges: false,
};
const plain = {
  id: "web",
  changes: noChanges,
  detach: false,
  preserveFds: 0,
  ignorePaused: false,
  cgroups: [],
};

test("flags end at the container's id", () => {
  const args = ["ls", "-la", "--cwd", "x", "--"];

  expect(parse(["web", ...args])).toEqual({
    name: "exec",
    request: { ...plain, changes: { ...noChanges, args } },
  });
});

test("as go-runc calls it", () => {
  const flags = [
    "--process",
    "/tmp/p",
    "--console-socket",
    "/c",
    "--detach",
    "--pid-file",
    "/b/pid",
  ];

  expect(parse([...flags, "web"])).toEqual({
    name: "exec",
    request: {
      ...plain,
      processFile: "/tmp/p",
      consoleSocket: "/c",
      detach: true,
      pidFile: "/b/pid",
    },
  });
});

test("every flag has its place, and relative paths count from the working directory", () => {
  const flags = [
    ...["-t", "--cwd", "/w", "-e", "A=1", "--env=B=x=y", "-u", "7:8", "-g", "9", "-g=10", "-d"],
    ...["-c", "chown", "--cap", "CAP_KILL", "--no-new-privs", "--apparmor", "p", "--pid-file=f"],
    ...["--process-label", "l", "--pidfd-socket", "s", "--preserve-fds=2", "--ignore-paused"],
    ...["--cgroup", "/sub", "--cgroup", "cpu,memory:x:y", "--trace", "t", "-p=", "--no-subreaper"],
  ];

  expect(parse([...flags, "web", "sh"])).toEqual({
    name: "exec",
    request: {
      ...plain,
      changes: {
        args: ["sh"],
        env: ["A=1", "B=x=y"],
        cwd: "/w",
        terminal: true,
        uid: 7,
        gid: 8,
        additionalGids: [9, 10],
        capabilities: ["CAP_CHOWN", "CAP_KILL"],
        noNewPrivileges: true,
        apparmorProfile: "p",
        selinuxLabel: "l",
      },
      detach: true,
      pidFile: "/here/f",
      pidfdSocket: "/here/s",
      preserveFds: 2,
      ignorePaused: true,
      cgroups: [
        { controllers: [], path: "/sub" },
        { controllers: ["cpu", "memory"], path: "x:y" },
      ],
      traceFile: "/here/t",
    },
  });
});

test("the largest uid is one", () => {
  expect(parse(["--user", "4294967294", "web", "sh"])).toMatchObject({
    request: { changes: { uid: 4294967294 } },
  });
});

describe("a process that cannot be is refused, with the status of a failed exec", () => {
  test.each([
    [["web"], "process args cannot be empty"],
    [["-p", "f", "web", "sh", "-x"], 'the command is given twice: by --process and as "sh -x"'],
    [["--cwd", "w", "web", "sh"], '--cwd is "w", expected an absolute path'],
    [["--env", "A", "web", "sh"], '--env is "A", expected NAME=VALUE'],
    [["--env", "=A", "web", "sh"], '--env is "=A", expected NAME=VALUE'],
    [["-g", "staff", "web", "sh"], '--additional-gids is "staff", expected a number'],
    ...["", "root", "-1", "4294967295", "1e3", "0x1", "01", " 1", "1.0", "١"].map(
      (user) =>
        [
          ["--user", user, "web", "sh"],
          `--user is ${JSON.stringify(user)}, expected a number`,
        ] as const,
    ),
    [["--user", "1:", "web", "sh"], '--user is "", expected a number'],
    [["--user", ":1", "web", "sh"], '--user is "", expected a number'],
    [["--user", "1:2:3", "web", "sh"], '--user is "2:3", expected a number'],
  ] as const)("%j", (argv, message) => {
    expect(refusal(argv)).toMatchObject({ code: "USAGE", message, exitStatus: 255 });
  });

  test("an id that is none", () => {
    expect(refusal(["../etc", "sh"])).toMatchObject({ code: "ID_INVALID", exitStatus: 255 });
  });
});

test("a command line that is none has the status of every other", () => {
  for (const argv of [[], ["--nope", "web", "sh"], ["--preserve-fds=x", "web", "sh"]])
    expect(refusal(argv)).toMatchObject({ code: "USAGE", exitStatus: undefined });
});
