/** A flag: `scan.ts` reads it by this, `help.ts` prints it. */
export interface Flag {
  readonly name: string;
  readonly short?: string;
  /** A boolean takes a value only as `--flag=value`; the others take the next argument too. */
  readonly kind: "boolean" | "string" | "count";
  /** What stands for the value in the help. */
  readonly placeholder?: string;
  readonly default?: string;
  /** The only values allowed. */
  readonly choices?: readonly string[];
  /** May be given several times; the last of a flag that may not wins. */
  readonly repeatable?: true;
  readonly help: string;
  /** Understood, and not shown: old callers send it. */
  readonly hidden?: true;
}

export const helpFlag = {
  name: "help",
  short: "h",
  kind: "boolean",
  help: "show help",
} as const satisfies Flag;

/** How an answer is laid out: as the first of `choices` unless the caller says otherwise. */
export const formatFlag = (choices: readonly [string, ...string[]], help: string) =>
  ({
    name: "format",
    short: "f",
    kind: "string",
    placeholder: "format",
    default: choices[0],
    choices,
    help,
  }) as const satisfies Flag;
