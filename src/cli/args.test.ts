import { commandOf, refusalOf } from "./args-fixture";
import { commandNames } from "./commands";

const plainCreate = {
  id: "web",
  bundleDir: "/here",
  pivot: true,
  newKeyring: true,
  preserveFds: 0,
};
const plainRun = { ...plainCreate, detach: false, keep: false, subreaper: true };

describe("commands", () => {
  test.each([
    [["create", "web"], { name: "create", request: plainCreate }],
    [
      // As go-runc calls it.
      [
        "create",
        "--bundle",
        "/b",
        "--pid-file",
        "/b/init.pid",
        "--console-socket",
        "/c.sock",
        "web",
      ],
      {
        name: "create",
        request: {
          ...plainCreate,
          bundleDir: "/b",
          pidFile: "/b/init.pid",
          consoleSocket: "/c.sock",
        },
      },
    ],
    [
      [
        "create",
        "-b=b",
        "--pid-file=p",
        "--console-socket=c",
        "--pidfd-socket",
        "d",
        "--trace",
        "t",
        "web",
      ],
      {
        name: "create",
        request: {
          ...plainCreate,
          bundleDir: "/here/b",
          pidFile: "/here/p",
          consoleSocket: "/here/b/c",
          pidfdSocket: "/here/b/d",
          traceFile: "/here/t",
        },
      },
    ],
    [
      ["create", "web", "--no-pivot", "-no-new-keyring", "-preserve-fds", "3"],
      {
        name: "create",
        request: { ...plainCreate, pivot: false, newKeyring: false, preserveFds: 3 },
      },
    ],
    [["create", "--no-pivot=false", "web"], { name: "create", request: plainCreate }],
    [
      ["create", "-b", "/x", "-bundle=/y", "web"],
      { name: "create", request: { ...plainCreate, bundleDir: "/y" } },
    ],
    [["create", "--pid-file", "", "web"], { name: "create", request: plainCreate }],
    [["create", "--", "web"], { name: "create", request: plainCreate }],
    [["run", "web"], { name: "run", request: plainRun }],
    [
      ["run", "-no-subreaper", "-d", "--keep", "web"],
      { name: "run", request: { ...plainRun, detach: true, keep: true, subreaper: false } },
    ],
    [["start", "web"], { name: "start", request: { id: "web" } }],
    [
      ["start", "web", "--trace=t"],
      { name: "start", request: { id: "web", traceFile: "/here/t" } },
    ],
    [["state", "web"], { name: "state", request: { id: "web" } }],
    [["kill", "web"], { name: "kill", request: { id: "web", signal: 15, all: false } }],
    [["kill", "web", "SIGKILL"], { name: "kill", request: { id: "web", signal: 9, all: false } }],
    [["kill", "-a", "web", "9"], { name: "kill", request: { id: "web", signal: 9, all: true } }],
    [["kill", "--all", "web", "0"], { name: "kill", request: { id: "web", signal: 0, all: true } }],
    [["delete", "--force", "web"], { name: "delete", request: { id: "web", force: true } }],
    [["delete", "web", "-f"], { name: "delete", request: { id: "web", force: true } }],
    [["list"], { name: "list", request: { format: "table", quiet: false } }],
    [["list", "--format=json"], { name: "list", request: { format: "json", quiet: false } }],
    [["list", "-f", "json", "-q"], { name: "list", request: { format: "json", quiet: true } }],
    [["spec"], { name: "spec", request: { bundleDir: "/here", rootless: false } }],
    [
      ["spec", "-b", "b", "--rootless"],
      { name: "spec", request: { bundleDir: "/here/b", rootless: true } },
    ],
    [["features"], { name: "features", request: {} }],
    [["validate"], { name: "validate", request: { bundleDir: "/here", format: "text" } }],
    [
      ["validate", "--format", "json", "b"],
      { name: "validate", request: { bundleDir: "/here/b", format: "json" } },
    ],
    [["explain", "-b", "/b"], { name: "explain", request: { bundleDir: "/b", format: "text" } }],
    [
      ["explain", "/b", "--format=json"],
      { name: "explain", request: { bundleDir: "/b", format: "json" } },
    ],
    [[], { name: "help" }],
    [["-h"], { name: "help" }],
    [["help"], { name: "help" }],
    [["h", "run"], { name: "help", topic: "run" }],
    [["help", "run"], { name: "help", topic: "run" }],
    [["--version"], { name: "version" }],
    [["-v", "list"], { name: "version" }],
  ])("%j", (argv, command) => {
    expect(commandOf(argv)).toEqual(command);
  });

  test.each(commandNames())("%s -h is its help, whatever else is missing", (name) => {
    expect(commandOf([name, "-h"])).toEqual({ name: "help", topic: name });
    expect(commandOf([name, "--help"])).toEqual({ name: "help", topic: name });
  });
});

describe("refusals", () => {
  test.each([
    [["frobnicate"], "COMMAND_UNKNOWN", "No help topic for 'frobnicate'"],
    [["toString"], "COMMAND_UNKNOWN", "No help topic for 'toString'"],
    [["help", "nope"], "COMMAND_UNKNOWN", "No help topic for 'nope'"],
    [["--nope"], "USAGE", "flag provided but not defined: -nope"],
    [["--root"], "USAGE", "flag needs an argument: -root"],
    [["--root", "/", "list"], "USAGE", '--root is "/", expected a directory other than "/"'],
    [
      ["--root", "/a/..", "list"],
      "USAGE",
      '--root is "/a/..", expected a directory other than "/"',
    ],
    [["--root=", "list"], "USAGE", '--root is "", expected a directory other than "/"'],
    [
      ["--log-format", "xml", "list"],
      "USAGE",
      'invalid value "xml" for flag -log-format: expected "text" or "json"',
    ],
    [
      ["--rootless=maybe", "list"],
      "USAGE",
      'invalid value "maybe" for flag -rootless: expected "true", "false" or "auto"',
    ],
    [["create"], "USAGE", '"create" requires exactly 1 argument(s) <container-id>, found 0'],
    [
      ["create", "a", "b"],
      "USAGE",
      '"create" requires exactly 1 argument(s) <container-id>, found 2',
    ],
    [
      ["create", "--", "a", "--no-pivot"],
      "USAGE",
      '"create" requires exactly 1 argument(s) <container-id>, found 2',
    ],
    [["list", "x"], "USAGE", '"list" requires exactly 0 argument(s), found 1'],
    [
      ["kill"],
      "USAGE",
      '"kill" requires a minimum of 1 argument(s) <container-id> [signal], found 0',
    ],
    [
      ["kill", "a", "9", "-a"],
      "USAGE",
      '"kill" requires a maximum of 2 argument(s) <container-id> [signal], found 3',
    ],
    [
      ["kill", "a", "ZZZ"],
      "USAGE",
      'unknown signal "ZZZ": expected a name such as "TERM", or a number from 0 to 64',
    ],
    [
      ["kill", "a", "-9"],
      "USAGE",
      'unknown signal "-9": expected a name such as "TERM", or a number from 0 to 64',
    ],
    [["create", "--bundle"], "USAGE", "flag needs an argument: -bundle"],
    [["create", "-nope", "a"], "USAGE", "flag provided but not defined: -nope"],
    [
      ["state", "--root", "/r", "a"],
      "USAGE",
      "flag provided but not defined: -root here: a global flag stands before the command",
    ],
    [
      ["create", "--no-pivot=maybe", "a"],
      "USAGE",
      'invalid boolean value "maybe" for flag -no-pivot: expected true or false',
    ],
    ...["x", "-1", "1.5", "1e3", "", "1000000000"].map(
      (count) =>
        [
          ["create", `--preserve-fds=${count}`, "a"],
          "USAGE",
          `invalid value "${count}" for flag -preserve-fds: expected a number from 0 on`,
        ] as const,
    ),
    [["explain", "-b", "x", "y"], "USAGE", 'the bundle is named twice: --bundle "x" and "y"'],
    [["kill", "-r", "("], "USAGE", '"(" is not a regular expression'],
    [["delete", "-f", "../etc"], "ID_INVALID", 'invalid container ID format: "../etc"'],
    [["state", ""], "ID_INVALID", "container id cannot be empty"],
  ] as const)("%j", (argv, code, message) => {
    const refusal = refusalOf(argv);

    expect(refusal.code).toBe(code);
    expect(refusal.message).toContain(message);
  });

  test("a value that looks like a flag is a value, as in Go", () => {
    const command = commandOf(["create", "--bundle", "--no-pivot", "web"]);

    expect(command).toEqual({
      name: "create",
      request: { ...plainCreate, bundleDir: "/here/--no-pivot" },
    });
  });
});
