import { describeError } from "../errors/describe";
import { RuntimeError } from "../errors/runtime-error";
import { parse } from "./args-fixture";
import { type BadFlag, badFlags } from "./bad-flags-fixture";

/** Every flag of every command with every kind of value that it should not have. */

/** Why a value that looks bad is none, or is found out later. */
const reasons: readonly {
  readonly why: string;
  readonly flags: RegExp;
  readonly kinds?: readonly string[];
}[] = [
  {
    why: "a path is the file system's to judge",
    flags:
      /^(root|log|bundle|trace|pid-file|process|resources|(console|pidfd)-socket|(image|work|parent)-path)$/,
  },
  {
    why: "an empty value is as good as no flag: callers leave variables empty",
    flags: /./,
    kinds: ["an empty value"],
  },
  {
    why: "labels and profiles are the machine's policy's to judge",
    flags: /^(apparmor|process-label|lsm-(profile|mount-context))$/,
  },
  { why: "a capability that nobody knows is a warning", flags: /^cap$/ },
  { why: "which cgroups and classes there are is known of a container", flags: /^cgroup$|schema$/ },
  { why: "a list is checked with all resources", flags: /^cpuset-(cpus|mems)$/ },
  {
    why: "how large a number may be is checked with all resources",
    flags: /^(cpu-|pids-limit|blkio-weight)/,
    kinds: ["a negative number", "a number with a sign", "a number beyond 2^64"],
  },
  {
    why: "a size may be a fraction of a unit, and how large it may be is checked with all resources",
    flags: /memory/,
    kinds: ["a fraction", "a number beyond 2^64"],
  },
];

const reasonFor = ({ flag, kind }: BadFlag) =>
  reasons.find(({ flags, kinds }) => flags.test(flag.name) && (kinds?.includes(kind) ?? true));

const longestMessage = 512;

/** Undefined when it is accepted. */
function messageOf({ argv }: BadFlag): string | undefined {
  try {
    parse(argv);
    return undefined;
  } catch (error) {
    return error instanceof RuntimeError ? describeError(error) : `not ours: ${error}`;
  }
}

const rows = badFlags().map((row) => ({ row, message: messageOf(row) }));
const named = ({ command, flag, kind }: BadFlag) => `${command} --${flag.name}: ${kind}`;

test("every flag is refused what it cannot have, in one short line with its name", () => {
  const mistakes = rows.flatMap(({ row, message }) => {
    if (message === undefined) return [];
    const isGood =
      message.includes(row.flag.name) && !message.includes("\n") && message.length < longestMessage;
    return isGood ? [] : [`${named(row)}: ${message.slice(0, longestMessage)}`];
  });

  expect(mistakes).toEqual([]);
});

test("what is accepted is accepted for a reason", () => {
  const accepted = rows.filter(({ message }) => message === undefined).map(({ row }) => row);

  expect(accepted.filter((row) => reasonFor(row) === undefined).map(named)).toEqual([]);
  const used = new Set(accepted.map(reasonFor));
  expect(reasons.filter((reason) => !used.has(reason)).map(({ why }) => why)).toEqual([]);
});
