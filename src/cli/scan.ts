import type { Flag } from "./flag";
import { quoted } from "./quoted";
import type { Misspelling } from "./usage-error";

/**
 * Reads flags by the grammar of Go's flag package, because runc's callers write for that one:
 * `-flag` is `--flag`, a value may begin with a dash, a boolean takes none but by `=`, and the last of
 * several wins, unless the flag is repeatable. `parseArgs` of node:util reads `-no-pivot` as eight short flags and refuses such values.
 */
export interface Scanned<Name extends string> {
  readonly positionals: readonly string[];
  readonly values: FlagValues<Name>;
}

/** The values of a command's flags; asking for a flag that it does not have does not compile. */
export class FlagValues<Name extends string> {
  private readonly values: ReadonlyMap<string, string>;
  private readonly lists: ReadonlyMap<string, readonly string[]>;

  constructor(
    values: ReadonlyMap<string, string>,
    lists: ReadonlyMap<string, readonly string[]> = new Map(),
  ) {
    this.values = values;
    this.lists = lists;
  }

  isSet(name: Name): boolean {
    return this.values.get(name) === "true";
  }

  text(name: Name): string | undefined {
    return this.values.get(name);
  }

  /** Of a repeatable flag, all that were given, in their order. */
  all(name: Name): readonly string[] {
    return this.lists.get(name) ?? [];
  }

  count(name: Name): number {
    return Number(this.values.get(name) ?? "0");
  }
}

export interface ScanOptions {
  /** Where flags end: `anywhere` reads them between and after positionals too. */
  readonly flagsAnywhere: boolean;
  /** Makes the error that is thrown; it knows the command. */
  readonly fail: (message: string, misspelling?: Misspelling) => Error;
}

export function scanFlags<Flags extends readonly Flag[]>(
  args: readonly string[],
  flags: Flags,
  options: ScanOptions,
): Scanned<Flags[number]["name"]> {
  const values = new Map<string, string>();
  const lists = new Map<string, string[]>();
  for (const flag of flags) if (flag.default !== undefined) values.set(flag.name, flag.default);

  const positionals: string[] = [];
  let next = 0;
  while (next < args.length) {
    const argument = args[next++] ?? "";
    if (argument === "--") break;
    const { name, attached } = dissect(argument);
    if (name === "") {
      positionals.push(argument);
      if (options.flagsAnywhere) continue;
      break;
    }
    const flag = findFlag(flags, name);
    if (flag === undefined) {
      const known = flags
        .filter((candidate) => !candidate.hidden)
        .map((candidate) => candidate.name);
      throw options.fail(`flag provided but not defined: -${name}`, { word: name, known });
    }
    let value = attached;
    if (value === undefined && flag.kind === "boolean") value = "true";
    if (value === undefined && next < args.length) value = args[next++];
    if (value === undefined) throw options.fail(`flag needs an argument: -${name}`);
    const checked = checkedValue(flag, name, value, options);
    values.set(flag.name, checked);
    if (flag.repeatable === true) lists.set(flag.name, [...(lists.get(flag.name) ?? []), checked]);
  }
  const left = args.slice(next);
  return { positionals: [...positionals, ...left], values: new FlagValues(values, lists) };
}

// A loop: the engine compiles methods such as `find` from their source when they are first used.
function findFlag(flags: readonly Flag[], name: string): Flag | undefined {
  for (const flag of flags) if (flag.name === name || flag.short === name) return flag;
  return undefined;
}

/**
 * `--name=attached` in its parts; no name when it is not a flag.
 * Without a regular expression: the first one makes the engine start a thread for its compiler.
 */
function dissect(argument: string): { readonly name: string; readonly attached?: string } {
  if (!argument.startsWith("-")) return { name: "" };
  const begin = argument.startsWith("--") ? 2 : 1;
  if (argument.startsWith("-", begin)) return { name: "" };
  const equals = argument.indexOf("=", begin);
  if (equals < 0) return { name: argument.slice(begin) };
  return { name: argument.slice(begin, equals), attached: argument.slice(equals + 1) };
}

/** What Go's strconv.ParseBool takes. */
const booleans: Readonly<Record<string, "true" | "false">> = {
  "1": "true",
  t: "true",
  T: "true",
  true: "true",
  True: "true",
  TRUE: "true",
  "0": "false",
  f: "false",
  F: "false",
  false: "false",
  False: "false",
  FALSE: "false",
};

export function parseBoolean(text: string): boolean | undefined {
  return Object.hasOwn(booleans, text) ? booleans[text] === "true" : undefined;
}

function checkedValue(flag: Flag, name: string, value: string, options: ScanOptions): string {
  const found = quoted(value);
  if (flag.kind === "boolean") {
    const parsed = parseBoolean(value);
    if (parsed === undefined) {
      throw options.fail(
        `invalid boolean value ${found} for flag -${name}: expected true or false`,
      );
    }
    return String(parsed);
  }
  if (flag.kind === "count" && !isCount(value)) {
    throw options.fail(`invalid value ${found} for flag -${name}: expected a number from 0 on`);
  }
  if (flag.choices !== undefined && !flag.choices.includes(value)) {
    const allowed = flag.choices.map((choice) => JSON.stringify(choice)).join(" or ");
    throw options.fail(`invalid value ${found} for flag -${name}: expected ${allowed}`);
  }
  return value;
}

function isCount(text: string): boolean {
  const number = Number(text);
  return Number.isInteger(number) && number >= 0 && number < 1e9 && String(number) === text;
}
