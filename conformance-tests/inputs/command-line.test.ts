import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, lstatSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { badFlags } from "../../src/cli/bad-flags-fixture";
import { type Config, processOf } from "../support/config";
import type { Container } from "../support/container";
import { isTsoci } from "../support/environment";
import { isThorough, tellFigure } from "../support/figures.mjs";
import { callRuntime } from "../support/runtime";
import { rootSuite, shows } from "../support/shows";
import { useContainers } from "../support/use-containers";
import { mistakesIn } from "./refused";

/** One command line that is refused, and what is said of it. */
interface Row {
  readonly what: string;
  readonly says: RegExp;
  /** Behind the program's name. */
  readonly argv: (box: Container) => readonly string[];
  /** What has to be there before. */
  readonly prepare?: (box: Container) => void;
  readonly status?: number;
}

const inside = (box: Container, name: string) => join(box.dir, name);
const root = (box: Container) => ["--root", box.stateRoot];
const create = (box: Container, flags: readonly string[] = [], id = box.id) => [
  ...root(box),
  "create",
  "--bundle",
  box.bundleDir,
  ...flags,
  "--",
  id,
];

const badIds = {
  empty: "",
  ".": ".",
  "..": "..",
  "with a slash": "a/b",
  "that leads up": "../up",
  "with a blank": "a b",
  "with a line break": "a\nb",
  "with a tab": "a\tb",
  "with a control character": "a\u0001b",
  "with an escape sequence": "a\u001b[31mb",
  "with a letter of no ASCII": "ü",
  "with a colon": "a:b",
  "with an at sign": "@seccomp",
  "of 2,000 characters": "x".repeat(2_000),
};

const idCommands: Readonly<Record<string, readonly string[]>> = {
  state: [],
  start: [],
  kill: ["KILL"],
  delete: [],
  pause: [],
  resume: [],
  ps: [],
  events: [],
  update: [],
};

const ids: readonly Row[] = [
  ...Object.entries(badIds).map(([what, id]) => ({
    what: `create with an id ${what}`,
    says: /id/i,
    argv: (box: Container) => create(box, [], id),
  })),
  ...Object.entries(idCommands).flatMap(([command, more]) =>
    ["../up", "", "a\nb"].map((id) => ({
      what: `${command} with the id ${JSON.stringify(id)}`,
      says: /id/i,
      argv: (box: Container) => [...root(box), command, ...more.slice(1), "--", id, ...more],
    })),
  ),
];

/** What a path of a flag may lead to. */
const things: Readonly<Record<string, (path: string) => void>> = {
  "a directory": (path) => mkdirSync(path),
  "a file": (path) => writeFileSync(path, ""),
  "a FIFO": (path) => execFileSync("mkfifo", [path]),
  "a link to itself": (path) => symlinkSync(path, path),
};

function pathRows(
  flag: string,
  says: Readonly<Record<string, RegExp>>,
  argv: (box: Container, path: string) => readonly string[],
  prepare: (box: Container) => void = () => {},
): Row[] {
  return Object.entries(says).map(([kind, expected]) => ({
    what: `${flag} that is ${kind}`,
    says: expected,
    argv: (box) => argv(box, paths[kind]?.(box) ?? inside(box, "thing")),
    prepare: (box) => {
      prepare(box);
      things[kind]?.(inside(box, "thing"));
    },
  }));
}

const paths: Readonly<Record<string, (box: Container) => string>> = {
  "below nothing": (box) => inside(box, "nowhere/thing"),
  "below a file": () => "/etc/passwd/thing",
  "too long": (box) => inside(box, "x".repeat(5_000)),
};

const notThere = /no such file or directory \(ENOENT\)/;
const notInDirectory = /not a directory \(ENOTDIR\)/;
const tooLong = /file name too long \(ENAMETOOLONG\)|too long|ENAMETOOLONG/;
const loop = /too many levels of symbolic links \(ELOOP\)/;

const withTerminal = (box: Container) => {
  processOf(box.config).terminal = true;
  box.writeConfig();
};

const onPath: readonly Row[] = [
  ...pathRows(
    "--bundle",
    {
      missing: notThere,
      "a file": notInDirectory,
      "a FIFO": notInDirectory,
      "a link to itself": loop,
      "below a file": notInDirectory,
      "too long": tooLong,
    },
    (box, path) => [...root(box), "create", "--bundle", path, box.id],
  ),
  ...pathRows(
    "--pid-file",
    {
      "a directory": /pid file.*directory \(EISDIR\)/,
      "a FIFO": /pid file.*neither a file nor a link/,
      "below nothing": notThere,
      "below a file": notInDirectory,
      "too long": tooLong,
    },
    (box, path) => create(box, ["--pid-file", path]),
  ),
  ...pathRows(
    "--console-socket",
    {
      missing: notThere,
      "a directory": /ECONNREFUSED|not a socket/,
      "a file": /ECONNREFUSED|not a socket/,
      "a FIFO": /ECONNREFUSED|not a socket/,
      "too long": tooLong,
    },
    (box, path) => create(box, ["--console-socket", path]),
    withTerminal,
  ),
  ...pathRows(
    "--pidfd-socket",
    { missing: notThere, "a file": /ECONNREFUSED|not a socket/, "too long": tooLong },
    (box, path) => create(box, ["--pidfd-socket", path]),
  ),
  ...pathRows(
    "--log",
    {
      "a directory": /log: .*is a directory \(EISDIR\)/,
      "a FIFO": /log: .*FIFO that nobody reads/,
      "a link to itself": loop,
      "below nothing": notThere,
      "below a file": notInDirectory,
      "too long": tooLong,
    },
    (box, path) => ["--log", path, ...create(box)],
  ),
  ...pathRows(
    "--root",
    {
      "a file": /must be a directory/,
      "a FIFO": /must be a directory/,
      "a link to itself": /must be a directory/,
      "below a file": notInDirectory,
      "too long": tooLong,
    },
    (box, path) => ["--root", path, "create", "--bundle", box.bundleDir, box.id],
  ),
  ...pathRows("--trace", { "a directory": /EISDIR/, "below nothing": notThere }, (box, path) =>
    create(box, ["--trace", path]),
  ),
];

const others: readonly Row[] = [
  {
    what: "a state root that others can write",
    says: /mode 0777, and must be/,
    prepare: (box) => {
      mkdirSync(box.stateRoot);
      chmodSync(box.stateRoot, 0o777);
    },
    argv: (box) => create(box),
  },
  {
    what: "a state root where nothing can be made",
    says: /make the (state|container's) directory/,
    argv: (box) => ["--root", "/proc/1/nothing", "create", "--bundle", box.bundleDir, box.id],
  },
  {
    what: "more descriptors than there are",
    says: /descriptor|preserve-fds/,
    argv: (box) => create(box, ["--preserve-fds", "77"]),
  },
  {
    what: "a pattern that is none",
    says: /not a regular expression/,
    argv: (box) => [...root(box), "delete", "--regex", "["],
  },
];

const groups: Readonly<Record<string, readonly Row[]>> = {
  "an id that cannot be one is refused by every command": ids,
  "a path that leads to what it must not is refused": onPath,
  "what a command line asks for and cannot have is refused": others,
};

const figure = (rows: readonly unknown[], sentence: string) => {
  if (isTsoci) tellFigure("bad input", `rows of "${sentence}"`, rows.length);
};

rootSuite("bad input: command lines", () => {
  const container = useContainers();

  for (const [sentence, rows] of Object.entries(groups)) {
    shows("ours", sentence, () => {
      const mistakes = rows.flatMap(({ what, says, argv, prepare, status }) => {
        const box = container();
        prepare?.(box);
        const outcome = callRuntime(argv(box), { timeoutMs: 10_000 });
        const found = mistakesIn(outcome, { says, ...(status === undefined ? {} : { status }) });
        if (box.leftovers().length > 0) found.push(`leaves ${box.leftovers().join(", ")}`);
        return found.map((mistake) => `${what} ${mistake}`);
      });

      expect(mistakes).toEqual([]);
      figure(rows, sentence);
    });
  }

  if (!isTsoci) return;

  shows("ours", "a flag that is refused its value ends every command with one line", () => {
    const box = container();
    const rows = badFlags().filter(({ kind }) => kind === "no value" || kind === "junk");
    const tried = isThorough ? rows : rows.filter(({ kind }) => kind === "no value");

    const mistakes = tried
      .filter(({ flag }) => flag.name !== "help")
      .flatMap(({ command, flag, kind, argv }) => {
        const outcome = callRuntime([...root(box), ...argv], { cwd: box.dir, timeoutMs: 10_000 });
        const status = outcome.status;
        return status > 0 && !outcome.timedOut && outcome.stderr.trimEnd().split("\n").length === 1
          ? []
          : [`${command} --${flag.name}: ${kind} ends with ${status}: ${outcome.stderr}`];
      });

    expect(mistakes).toEqual([]);
    figure(tried, "flags with a bad value");
  });

  shows("ours", "a log that is full does not hide the failure, and is told of", () => {
    const box = container();

    const outcome = callRuntime(["--log", "/dev/full", ...root(box), "state", "nobody"]);

    expect(outcome.status).toBe(1);
    const [failure, log, ...more] = outcome.stderr.trimEnd().split("\n");
    expect(failure).toContain("container does not exist");
    expect(log).toMatch(/write the log "\/dev\/full": .*no space left on device \(ENOSPC\)$/);
    expect(more).toEqual([]);
  });

  shows("ours", "a number that no limit can be is refused, and changes nothing", () => {
    const box = container();
    box.runWaiting();
    const rows = badFlags().filter(
      ({ command, kind, flag }) =>
        command === "update" &&
        /beyond|break|64 KiB/.test(kind) &&
        !/^(resources|kernel-)/.test(flag.name),
    );

    const mistakes = rows.flatMap(({ flag, kind, argv }) => {
      const outcome = callRuntime([...root(box), ...argv.slice(0, -1), box.id]);
      return mistakesIn(outcome).map((mistake) => `--${flag.name}: ${kind} ${mistake}`);
    });

    expect(mistakes).toEqual([]);
    expect(box.state().status).toBe("running");
  });
});

rootSuite("bad input: what must not be replaced", () => {
  const container = useContainers();

  shows("ours", "a device as --pid-file stays a device", () => {
    const box = container((_config: Config, { dir }) => {
      execFileSync("mknod", [join(dir, "null"), "c", "1", "3"]);
    });
    const device = inside(box, "null");

    const outcome = callRuntime(create(box, ["--pid-file", device]));

    expect(mistakesIn(outcome, { says: /neither a file nor a link/ })).toEqual([]);
    expect(lstatSync(device).isCharacterDevice()).toBe(true);
    expect(existsSync(inside(box, ".null"))).toBe(false);
    expect(box.leftovers()).toEqual([]);
  });
});
