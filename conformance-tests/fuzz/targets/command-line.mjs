// Command lines by the tables of the commands, and nearly by them: each is read or refused, and means the same in
// all the spellings that a flag has.
import fc from "fast-check";
import { assertOneLine, assertSame, load, mayRefuse } from "../driver.mjs";

const { parseHead, parseCommand } = load("cli/args");
const { commandNames, loadCommand } = load("cli/commands");
const { globalFlags } = load("cli/global-flags");
const { tellAsRunc } = load("cli/as-runc");
const { describeError } = load("errors/describe");
const { readShimArguments } = load("shim/arguments");

const surroundings = { cwd: "/here", environment: {}, euid: 0, inUserNamespace: false };

function parse(argv) {
  const head = parseHead(argv, surroundings);
  return { globals: head.globals, command: parseCommand(head, surroundings) };
}

/** What it means, or what it is refused with; a client of runc's is told the same in one line. */
function meaningOf(argv) {
  let refusal;
  const meaning = mayRefuse(() => {
    try {
      return parse(argv);
    } catch (error) {
      refusal = describeError(error);
      assertOneLine(tellAsRunc(error, `run "x": ${refusal}`).message);
      throw error;
    }
  });
  return meaning ?? { refusal };
}

const value = fc.oneof(
  fc.constantFrom("", "-", "--", "-1", "0", "1", "json", "/a", "a/../b", "64M", "1e9", "a=b", "c1"),
  fc.constantFrom("true", "false", "0:0", "SIGTERM", "cpu:/x", "10ms", "auto", "\n", "\0", "ü"),
  fc.string({ maxLength: 10 }),
);

const flagOf = (flags) =>
  fc.record({
    flag: fc.constantFrom(...flags),
    value,
    isShort: fc.boolean(),
    isAttached: fc.boolean(),
    dashes: fc.constantFrom("-", "--"),
  });

/** A flag as words of a command line. */
function written({ flag, value, isShort, isAttached, dashes }, like = {}) {
  const name = `${like.dashes ?? dashes}${isShort && flag.short !== undefined ? flag.short : flag.name}`;
  if (flag.kind === "boolean") return isAttached ? [`${name}=${value}`] : [name];
  return (like.isAttached ?? isAttached) ? [`${name}=${value}`] : [name, value];
}

const oneCommand = (name) => {
  const { flags } = loadCommand(name);
  return fc.record({
    globals: fc.array(flagOf(globalFlags), { maxLength: 2 }),
    name: fc.constant(name),
    flags: fc.array(flagOf([...flags, ...globalFlags.slice(0, 1)]), { maxLength: 5 }),
    words: fc.array(fc.oneof(fc.constantFrom("c1", "web", "/m"), value), { maxLength: 4 }),
  });
};

function checkValue(line) {
  const words = (like) => [
    ...line.globals.flatMap((flag) => written(flag, like)),
    line.name,
    ...line.flags.flatMap((flag) => written(flag, like)),
    ...line.words,
  ];
  const meanings = [{}, { dashes: "-" }, { dashes: "--" }, { isAttached: true }].map((like) =>
    meaningOf(words(like)),
  );
  for (const meaning of meanings) assertSame("another spelling", meaning, meanings[0]);
}

function check(bytes) {
  const argv = bytes.toString().split("\n");
  meaningOf(argv);
  mayRefuse(() => readShimArguments(argv));
}

const allFlags = commandNames().flatMap((name) => loadCommand(name).flags);

export const target = {
  check,
  words: [
    ...commandNames().map((name) => `${name}\n`),
    ...new Set([...globalFlags, ...allFlags].map(({ name }) => `\n--${name}\n`)),
    ...[
      "=",
      "=true",
      "\n--\n",
      "\n-\n",
      "\nc1\n",
      "64M",
      "-1",
      "help",
      "json",
      "--namespace=n",
      "start",
    ],
  ],
  seeds: () => commandNames().map((name) => Buffer.from(`--debug\n${name}\n--help\nc1`)),
  values: fc.oneof(...commandNames().map(oneCommand)),
  checkValue,
};
