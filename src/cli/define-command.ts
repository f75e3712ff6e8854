import type { RuntimeOptions } from "../lifecycle/requests";
import type { GlobalOptions, Surroundings } from "./command-line";
import type { Flag } from "./flag";
import type { FlagValues } from "./scan";

/** What carries out a command besides its request. */
export interface CommandContext {
  readonly globals: GlobalOptions;
  readonly runtime: RuntimeOptions;
  /** What the program calls itself. */
  readonly program: string;
}

/** What the help says of a command. Names and meanings are runc's, whose callers are ours. */
export interface CommandHelp {
  readonly summary: string;
  readonly description: string;
  /** The positional arguments as the help shows them. */
  readonly positionals: string;
  readonly flags: readonly Flag[];
}

/** One command: how it is written, what it means, and what carries it out. */
export interface CommandDefinition<Request = unknown, Name extends string = string>
  extends CommandHelp {
  readonly least: number;
  readonly most: number;
  /** False: from the first positional on, what begins with a dash is an argument. */
  readonly flagsAnywhere: boolean;
  /** The exit status of a failure, where it is another than the error's own. */
  readonly failureStatus?: number;
  /** Paths of the request are absolute, ids are checked, defaults are filled in. */
  readonly read: (
    values: FlagValues<Name>,
    positionals: readonly [string, ...string[]],
    surroundings: Surroundings,
  ) => Request;
  /** Returns the exit status. */
  readonly run: (request: Request, context: CommandContext) => number | Promise<number>;
}

/** Lets `read` ask only for flags that there are, and `run` have what `read` returns. */
export function defineCommand<const Flags extends readonly Flag[], Request>(
  definition: { readonly flags: Flags } & CommandDefinition<Request, Flags[number]["name"]>,
): CommandDefinition {
  // What is read is what is run: nobody else makes a request of this command.
  return definition as unknown as CommandDefinition;
}

export const oneId = {
  positionals: "<container-id>",
  least: 1,
  most: 1,
  flagsAnywhere: true,
} as const;

export const nothing = { positionals: "", least: 0, most: 0, flagsAnywhere: true } as const;
