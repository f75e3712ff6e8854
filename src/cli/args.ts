import { RuntimeError } from "../errors/runtime-error";
import { defaultStateRoot } from "../state/state-root";
import type { GlobalOptions, ReportFormat, Surroundings } from "./command-line";
import { type CommandName, commandNames, isCommandName, loadCommand } from "./commands";
import type { CommandDefinition } from "./define-command";
import { helpFlag } from "./flag";
import { globalFlags } from "./global-flags";
import { quoted } from "./quoted";
import { parseBoolean, scanFlags } from "./scan";
import { type Misspelling, UnknownCommandError, UsageError } from "./usage-error";
import { against } from "./values";

/** The flags before the command, and what follows them. */
export interface CommandLineHead {
  readonly globals: GlobalOptions;
  /** The command's name and its arguments; empty when there is none. */
  readonly rest: readonly string[];
  readonly wants?: "help" | "version";
}

/** What a command line asks for. The request is for the command of that name alone. */
export type Command =
  | { readonly name: CommandName; readonly request: unknown }
  | { readonly name: "help"; readonly topic?: CommandName }
  | { readonly name: "version" };

/** Reads up to the command. Apart from the rest, because the log must be open when the rest is wrong. */
export function parseHead(argv: readonly string[], surroundings: Surroundings): CommandLineHead {
  const { values, positionals } = scanFlags(argv, globalFlags, {
    flagsAnywhere: false,
    fail: (message, misspelling) => new UsageError(message, undefined, misspelling),
  });
  const wants = values.isSet("help") ? "help" : values.isSet("version") ? "version" : undefined;
  const logFile = values.text("log");
  const manager = values.text("cgroup-manager");
  const globals: GlobalOptions = {
    stateRoot: stateRootOf(values.text("root"), surroundings),
    stateRootGiven: values.text("root") !== undefined,
    logFormat: values.text("log-format") as ReportFormat,
    debug: values.isSet("debug"),
    systemdCgroup: manager === undefined ? values.isSet("systemd-cgroup") : manager === "systemd",
    ...(manager === "disabled" ? { withoutCgroups: true } : {}),
    rootless: rootlessOf(values.text("rootless") ?? "auto"),
    ...(logFile ? { logFile: against(surroundings, logFile) } : {}),
  };
  return { globals, rest: positionals, ...(wants === undefined ? {} : { wants }) };
}

/** Reads the command and its arguments. */
export function parseCommand(head: CommandLineHead, surroundings: Surroundings): Command {
  const [word, ...args] = head.rest;
  if (head.wants === "version") return { name: "version" };
  if (head.wants === "help" || word === undefined) return { name: "help" };
  if (word === "help" || word === "h") return helpCommand(args[0]);
  if (!isCommandName(word)) throw unknownCommand(word);
  try {
    return readCommand(word, loadCommand(word), args, surroundings);
  } catch (error) {
    // A command's own reader does not know which one it belongs to.
    if (error instanceof UsageError && error.command === undefined) error.command = word;
    throw error;
  }
}

function helpCommand(topic: string | undefined): Command {
  if (topic === undefined) return { name: "help" };
  if (!isCommandName(topic)) throw unknownCommand(topic);
  return { name: "help", topic };
}

function unknownCommand(word: string): UnknownCommandError {
  return new UnknownCommandError({ word, known: commandNames() });
}

/** Scans by the command's flags, counts the positionals, and leaves the meaning to its `read`. */
function readCommand(
  name: CommandName,
  definition: CommandDefinition,
  args: readonly string[],
  surroundings: Surroundings,
): Command {
  const { flags, flagsAnywhere, least, most } = definition;
  const fail = (message: string, misspelling?: Misspelling) =>
    new UsageError(message + globalHint(misspelling), name, misspelling);
  const { values, positionals } = scanFlags(args, [...flags, helpFlag], { flagsAnywhere, fail });
  if (values.isSet("help")) return { name: "help", topic: name };
  const found = positionals.length;
  if (found < least || found > most) throw fail(wrongCount(name, definition, found));
  const [first = "", ...others] = positionals;
  try {
    return { name, request: definition.read(values, [first, ...others], surroundings) };
  } catch (error) {
    const { failureStatus } = definition;
    if (error instanceof RuntimeError && failureStatus !== undefined)
      error.exitStatus = failureStatus;
    throw error;
  }
}

function wrongCount(
  name: CommandName,
  { least, most, positionals }: CommandDefinition,
  found: number,
): string {
  const bound =
    least === most
      ? `exactly ${least}`
      : found < least
        ? `a minimum of ${least}`
        : `a maximum of ${most}`;
  const shape = positionals === "" ? "" : ` ${positionals}`;
  return `"${name}" requires ${bound} argument(s)${shape}, found ${found}`;
}

/** A global flag behind the command is a common slip, and its message must say more than "not defined". */
function globalHint(misspelling: Misspelling | undefined): string {
  const isGlobal = globalFlags.some((flag) => flag.name === misspelling?.word);
  return isGlobal ? " here: a global flag stands before the command" : "";
}

function stateRootOf(given: string | undefined, surroundings: Surroundings): string {
  if (given === undefined) return defaultStateRoot(surroundings);
  const root = against(surroundings, given);
  // Container directories are made and removed below it, and ids are names such as "etc".
  if (given === "" || root === "/") {
    throw new UsageError(`--root is ${quoted(given)}, expected a directory other than "/"`);
  }
  return root;
}

function rootlessOf(given: string): boolean | "auto" {
  if (given === "auto") return "auto";
  const parsed = parseBoolean(given);
  if (parsed !== undefined) return parsed;
  throw new UsageError(
    `invalid value ${quoted(given)} for flag -rootless: expected "true", "false" or "auto"`,
  );
}
