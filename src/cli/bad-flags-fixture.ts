import { type CommandName, commandNames, loadCommand } from "./commands";
import type { Flag } from "./flag";
import { globalFlags } from "./global-flags";

/** Values for every flag of every command that most flags must not have, as rows of a table. */

export interface BadFlag {
  /** "" for the flags before the command. */
  readonly command: CommandName | "";
  readonly flag: Flag;
  /** What kind of value it is, in words. */
  readonly kind: string;
  /** The whole command line behind the program's name. */
  readonly argv: readonly string[];
}

const values: Readonly<Record<string, string>> = {
  "an empty value": "",
  junk: "!junk",
  "a negative number": "-7",
  "a fraction": "1.5",
  "a number with a sign": "+7",
  "a hexadecimal number": "0x7",
  "a number beyond 2^64": "99999999999999999999999",
  "a line break": "a\nb",
  "64 KiB": "x".repeat(65536),
};

/** Enough positionals for a command to be otherwise in order. */
const positionals: Readonly<Partial<Record<CommandName, readonly string[]>>> = {
  completion: ["bash"],
  exec: ["box", "true"],
  features: [],
  list: [],
  mounts: ["add", "box", "file"],
  spec: [],
  explain: ["."],
  validate: ["."],
};

function* rowsOf(command: CommandName | "", flag: Flag): Generator<BadFlag> {
  const name = `--${flag.name}`;
  const row = (kind: string, words: readonly string[]): BadFlag => {
    const rest = command === "" ? ["list"] : (positionals[command] ?? ["box"]);
    const argv = command === "" ? [...words, ...rest] : [command, ...words, ...rest];
    return { command, flag, kind, argv };
  };
  if (flag.kind !== "boolean")
    yield { ...row("no value", []), argv: command === "" ? [name] : [command, name] };
  for (const [kind, value] of Object.entries(values)) yield row(kind, [`${name}=${value}`]);
}

export const badFlags = (): readonly BadFlag[] => [
  ...globalFlags.flatMap((flag) => [...rowsOf("", flag)]),
  ...commandNames().flatMap((command) =>
    loadCommand(command).flags.flatMap((flag) => [...rowsOf(command, flag)]),
  ),
];
