import { RuntimeError } from "../errors/runtime-error";
import { parseSignal } from "../host/signals";
import type { CreateRequest } from "../lifecycle/requests";
import { cleanPath, resolveFrom } from "../spec/paths";
import { assertContainerId } from "../state/container-id";
import { defaultStateRoot } from "../state/state-root";
import type { Command, GlobalOptions, ListFormat, ReportFormat, Surroundings } from "./command";
import { type CommandName, commands, globalFlags, helpFlag, isCommandName } from "./flags";
import { type FlagValues, parseBoolean, scanFlags } from "./scan";
import { type Misspelling, UnknownCommandError, UsageError } from "./usage-error";

/** The flags before the command, and what follows them. */
export interface CommandLineHead {
  readonly globals: GlobalOptions;
  /** The command's name and its arguments; empty when there is none. */
  readonly rest: readonly string[];
  readonly wants?: "help" | "version";
}

/** Reads up to the command. Apart from the rest, because the log must be open when the rest is wrong. */
export function parseHead(argv: readonly string[], surroundings: Surroundings): CommandLineHead {
  const { values, positionals } = scanFlags(argv, globalFlags, {
    flagsAnywhere: false,
    fail: (message, misspelling) => new UsageError(message, undefined, misspelling),
  });
  const wants = values.isSet("help") ? "help" : values.isSet("version") ? "version" : undefined;
  const logFile = values.text("log");
  const globals: GlobalOptions = {
    stateRoot: stateRootOf(values.text("root"), surroundings),
    stateRootGiven: values.text("root") !== undefined,
    logFormat: values.text("log-format") as ReportFormat,
    debug: values.isSet("debug"),
    systemdCgroup: values.isSet("systemd-cgroup"),
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
  return commandReaders[word](args, surroundings);
}

function helpCommand(topic: string | undefined): Command {
  if (topic === undefined) return { name: "help" };
  if (!isCommandName(topic)) throw unknownCommand(topic);
  return { name: "help", topic };
}

function unknownCommand(word: string): UnknownCommandError {
  return new UnknownCommandError({ word, known: Object.keys(commands) });
}

type FlagsOf<Name extends CommandName> = (typeof commands)[Name]["flags"][number];
type ValuesOf<Name extends CommandName> = FlagValues<
  Extract<FlagsOf<Name>, { name: string }>["name"]
>;
type Reader = (args: readonly string[], surroundings: Surroundings) => Command;

/** A reader of one command: scans by the table, counts the positionals, and leaves the meaning to `read`. */
function reader<Name extends CommandName>(
  name: Name,
  read: (
    values: ValuesOf<Name>,
    positionals: readonly [string, ...string[]],
    surroundings: Surroundings,
  ) => Command,
): Reader {
  return (args, surroundings) => {
    const { flags, flagsAnywhere, least, most, positionals: form } = commands[name];
    const fail = (message: string, misspelling?: Misspelling) =>
      new UsageError(message + globalHint(misspelling), name, misspelling);
    const scanned = scanFlags(args, [...flags, helpFlag], { flagsAnywhere, fail });
    if (scanned.values.isSet("help")) return { name: "help", topic: name };
    const found = scanned.positionals.length;
    if (found < least || found > most) throw fail(wrongCount(name, least, most, form, found));
    const [first = "", ...others] = scanned.positionals;
    return read(scanned.values as ValuesOf<Name>, [first, ...others], surroundings);
  };
}

const commandReaders: Readonly<Record<CommandName, Reader>> = {
  create: reader("create", (values, [id], surroundings) => ({
    name: "create",
    request: creationRequest(id, values, surroundings),
  })),
  run: reader("run", (values, [id], surroundings) => ({
    name: "run",
    request: {
      ...creationRequest(id, values, surroundings),
      detach: values.isSet("detach"),
      keep: values.isSet("keep"),
      subreaper: !values.isSet("no-subreaper"),
    },
  })),
  start: reader("start", (values, [id], surroundings) => ({
    name: "start",
    request: { id: checkedId(id), ...absolute("traceFile", values.text("trace"), surroundings) },
  })),
  state: reader("state", (_values, [id]) => ({ name: "state", id: checkedId(id) })),
  kill: reader("kill", (values, [id, signal = "TERM"]) => ({
    name: "kill",
    request: { id: checkedId(id), signal: checkedSignal(signal), all: values.isSet("all") },
  })),
  delete: reader("delete", (values, [id]) => ({
    name: "delete",
    request: { id: checkedId(id), force: values.isSet("force") },
  })),
  list: reader("list", (values) => ({
    name: "list",
    format: values.text("format") as ListFormat,
    quiet: values.isSet("quiet"),
  })),
  spec: reader("spec", (values, _positionals, surroundings) => ({
    name: "spec",
    bundleDir: against(surroundings, values.text("bundle") ?? "."),
    rootless: values.isSet("rootless"),
  })),
  features: reader("features", () => ({ name: "features" })),
  validate: reader("validate", (values, [bundle], surroundings) => ({
    name: "validate",
    bundleDir: against(surroundings, onlyBundle("validate", values.text("bundle"), bundle)),
    format: values.text("format") as ReportFormat,
  })),
  explain: reader("explain", (values, [bundle], surroundings) => ({
    name: "explain",
    bundleDir: against(surroundings, onlyBundle("explain", values.text("bundle"), bundle)),
    format: values.text("format") as ReportFormat,
  })),
};

function creationRequest(
  id: string,
  values: ValuesOf<"create">,
  surroundings: Surroundings,
): CreateRequest {
  const bundleDir = against(surroundings, values.text("bundle") ?? ".");
  const bundle = { cwd: bundleDir };
  return {
    id: checkedId(id),
    bundleDir,
    // runc and crun change to the bundle before they connect, and to the pid file before that.
    ...absolute("consoleSocket", values.text("console-socket"), bundle),
    ...absolute("pidfdSocket", values.text("pidfd-socket"), bundle),
    ...absolute("pidFile", values.text("pid-file"), surroundings),
    ...absolute("traceFile", values.text("trace"), surroundings),
    pivot: !values.isSet("no-pivot"),
    newKeyring: !values.isSet("no-new-keyring"),
    preserveFds: values.count("preserve-fds"),
  };
}

/** One property, or none: an empty value is as good as no flag, because callers leave variables empty. */
function absolute<Key extends string>(
  key: Key,
  path: string | undefined,
  base: { readonly cwd: string },
): { readonly [K in Key]?: string } {
  return path ? ({ [key]: against(base, path) } as { [K in Key]: string }) : {};
}

/** Asks for the working directory only when the path needs one: it may be gone. */
function against(base: { readonly cwd: string }, path: string): string {
  return path.startsWith("/") ? cleanPath(path) : resolveFrom(base.cwd, path);
}

function checkedId(id: string): string {
  assertContainerId(id);
  return id;
}

function checkedSignal(text: string): number {
  const signal = parseSignal(text);
  if (signal !== undefined) return signal;
  const found = JSON.stringify(text);
  throw new RuntimeError(
    "USAGE",
    `unknown signal ${found}: expected a name such as "TERM", or a number from 0 to 64`,
  );
}

function onlyBundle(command: CommandName, flag: string | undefined, positional: string): string {
  if (flag !== undefined && positional !== "") {
    const found = `--bundle ${JSON.stringify(flag)} and ${JSON.stringify(positional)}`;
    throw new UsageError(`the bundle is named twice: ${found}`, command);
  }
  return flag ?? positional;
}

function wrongCount(
  name: CommandName,
  least: number,
  most: number,
  form: string,
  found: number,
): string {
  const bound =
    least === most
      ? `exactly ${least}`
      : found < least
        ? `a minimum of ${least}`
        : `a maximum of ${most}`;
  const shape = form === "" ? "" : ` ${form}`;
  return `"${name}" requires ${bound} argument(s)${shape}, found ${found}`;
}

/** A global flag behind the command is a common slip, and its message must say more than "not defined". */
function globalHint(misspelling: Misspelling | undefined): string {
  const isGlobal = globalFlags.some((flag) => flag.name === misspelling?.word);
  return isGlobal ? " here: a global flag stands before the command" : "";
}

function stateRootOf(given: string | undefined, surroundings: Surroundings): string {
  if (given === undefined) return defaultStateRoot(surroundings.environment, surroundings.euid);
  const root = against(surroundings, given);
  // Container directories are made and removed below it, and ids are names such as "etc".
  if (given === "" || root === "/") {
    throw new UsageError(`--root is ${JSON.stringify(given)}, expected a directory other than "/"`);
  }
  return root;
}

function rootlessOf(given: string): boolean | "auto" {
  if (given === "auto") return "auto";
  const parsed = parseBoolean(given);
  if (parsed !== undefined) return parsed;
  throw new UsageError(
    `invalid value ${JSON.stringify(given)} for flag -rootless: expected "true", "false" or "auto"`,
  );
}
