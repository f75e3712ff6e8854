/**
 * Every flag and command, once: `scan.ts` reads a command line by it, `help.ts` prints it.
 * Names and meanings are runc's, whose callers are ours.
 */

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
  readonly help: string;
  /** Understood, and not shown: old callers send it. */
  readonly hidden?: true;
}

export interface CommandSpec {
  readonly summary: string;
  readonly description: string;
  /** The positional arguments as the help shows them. */
  readonly positionals: string;
  readonly least: number;
  readonly most: number;
  /** False: from the first positional on, what begins with a dash is an argument. */
  readonly flagsAnywhere: boolean;
  readonly flags: readonly Flag[];
}

export const helpFlag = {
  name: "help",
  short: "h",
  kind: "boolean",
  help: "show help",
} as const satisfies Flag;

export const globalFlags = [
  {
    name: "root",
    kind: "string",
    placeholder: "dir",
    help: "directory that holds the state of containers (default: /run/tsoci, or $XDG_RUNTIME_DIR/tsoci when not root)",
  },
  {
    name: "log",
    kind: "string",
    placeholder: "file",
    help: "file to append errors, warnings and debug lines to (default: standard error)",
  },
  {
    name: "log-format",
    kind: "string",
    placeholder: "format",
    default: "text",
    choices: ["text", "json"],
    help: "form of what is logged",
  },
  { name: "debug", kind: "boolean", help: "log what is done and how long it took" },
  {
    name: "systemd-cgroup",
    kind: "boolean",
    help: 'make containers in units of systemd; the config\'s cgroupsPath is "slice:prefix:name" then',
  },
  {
    name: "rootless",
    kind: "string",
    placeholder: "mode",
    default: "auto",
    help: 'whether a container may do without cgroups that may not be made: "true", "false", or "auto", for who is not root',
  },
  {
    name: "version",
    short: "v",
    kind: "boolean",
    help: "print the version",
  },
  helpFlag,
] as const satisfies readonly Flag[];

const bundle = {
  name: "bundle",
  short: "b",
  kind: "string",
  placeholder: "dir",
  help: "directory with config.json (default: the working directory)",
} as const satisfies Flag;

const trace = {
  name: "trace",
  kind: "string",
  placeholder: "file",
  help: "write the time that each step took, in Chrome's trace format",
} as const satisfies Flag;

const reportFormat = {
  name: "format",
  short: "f",
  kind: "string",
  placeholder: "format",
  default: "text",
  choices: ["text", "json"],
  help: "form of the answer",
} as const satisfies Flag;

/** What create and run have in common. */
const creationFlags = [
  bundle,
  {
    name: "console-socket",
    kind: "string",
    placeholder: "socket",
    help: "AF_UNIX socket that receives the master of the container's terminal; a relative path starts at the bundle",
  },
  {
    name: "pidfd-socket",
    kind: "string",
    placeholder: "socket",
    help: "AF_UNIX socket that receives a pidfd of the container's init; a relative path starts at the bundle",
  },
  {
    name: "pid-file",
    kind: "string",
    placeholder: "file",
    help: "file to write init's process id to",
  },
  {
    name: "no-pivot",
    kind: "boolean",
    help: "enter the rootfs without pivot_root, for hosts whose root is a ramdisk",
  },
  {
    name: "no-new-keyring",
    kind: "boolean",
    help: "leave the container in the caller's session keyring",
  },
  {
    name: "preserve-fds",
    kind: "count",
    placeholder: "n",
    default: "0",
    help: "pass on n more descriptors than standard streams and $LISTEN_FDS",
  },
  trace,
] as const satisfies readonly Flag[];

const oneId = {
  positionals: "<container-id>",
  least: 1,
  most: 1,
  flagsAnywhere: true,
} as const;

const nothing = { positionals: "", least: 0, most: 0, flagsAnywhere: true } as const;

export const commands = {
  create: {
    ...oneId,
    summary: "create a container",
    description:
      "Makes everything of the container but its program, which start runs. The id must be unused below --root.",
    flags: creationFlags,
  },
  start: {
    ...oneId,
    summary: "run the program of a created container",
    description: "Returns once the program runs, or says why it does not.",
    flags: [trace],
  },
  state: {
    ...oneId,
    summary: "print the state of a container",
    description: "Prints the state as JSON, as the specification lays it out.",
    flags: [],
  },
  kill: {
    positionals: "<container-id> [signal]",
    least: 1,
    most: 2,
    flagsAnywhere: false,
    summary: "send a signal to a container's init",
    description:
      'The signal is a number or a name, with or without "SIG": 9, KILL, SIGRTMIN+1. Without one it is TERM.',
    flags: [
      {
        name: "all",
        short: "a",
        kind: "boolean",
        help: "signal every process of the container",
        hidden: true,
      },
    ],
  },
  delete: {
    ...oneId,
    summary: "remove what is left of a stopped container",
    description:
      "Removes all that create made: the state, the cgroup, and with --force the processes.",
    flags: [
      {
        name: "force",
        short: "f",
        kind: "boolean",
        help: "kill the container first if it runs; succeed if there is none",
      },
    ],
  },
  run: {
    ...oneId,
    summary: "create a container, start it and wait for it",
    description:
      "Exits as the program does, and deletes the container, unless it is told otherwise.",
    flags: [
      ...creationFlags,
      {
        name: "detach",
        short: "d",
        kind: "boolean",
        help: "return once the program runs",
      },
      { name: "keep", kind: "boolean", help: "leave the stopped container to delete" },
      {
        name: "no-subreaper",
        kind: "boolean",
        help: "do not adopt the processes that the container leaves orphaned",
      },
    ],
  },
  list: {
    ...nothing,
    summary: "list the containers below --root",
    description: "Lists the containers below --root, in the order of their ids.",
    flags: [
      {
        name: "format",
        short: "f",
        kind: "string",
        placeholder: "format",
        default: "table",
        choices: ["table", "json"],
        help: "form of the list",
      },
      { name: "quiet", short: "q", kind: "boolean", help: "print only the ids" },
    ],
  },
  spec: {
    ...nothing,
    summary: "write a config.json to start from",
    description:
      'Writes a config.json that runs "sh" with a terminal in "rootfs". A config.json that exists is not replaced.',
    flags: [
      bundle,
      {
        name: "rootless",
        kind: "boolean",
        help: "write one that the calling user can run without privileges",
      },
    ],
  },
  features: {
    ...nothing,
    summary: "print what this runtime can do",
    description: "Prints the features document of the specification as JSON.",
    flags: [],
  },
  validate: {
    positionals: "[bundle]",
    least: 0,
    most: 1,
    flagsAnywhere: true,
    summary: "check a bundle's config.json",
    description:
      "Prints every problem with its place in config.json and the clause of the specification. Exits with 1 if there is one.",
    flags: [bundle, reportFormat],
  },
  explain: {
    positionals: "[bundle]",
    least: 0,
    most: 1,
    flagsAnywhere: true,
    summary: "print what create would do, step by step",
    description:
      "Prints each step in its order, with the property it comes from and the system call that does it. Changes nothing.",
    flags: [bundle, reportFormat],
  },
} as const satisfies Record<string, CommandSpec>;

export type CommandName = keyof typeof commands;

export function isCommandName(word: string): word is CommandName {
  return Object.hasOwn(commands, word);
}
