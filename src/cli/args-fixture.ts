import { RuntimeError } from "../errors/runtime-error";
import { parseCommand, parseHead } from "./args";
import type { Surroundings } from "./command-line";

/** For tests: root, in a directory of that name, and with no environment. */
export const root: Surroundings = {
  cwd: "/here",
  environment: {},
  euid: 0,
  inUserNamespace: false,
};

export function parse(argv: readonly string[], surroundings = root) {
  const head = parseHead(argv, surroundings);
  return { globals: head.globals, command: parseCommand(head, surroundings) };
}

export const commandOf = (argv: readonly string[]) => parse(argv).command;

/** What a command line is refused with. */
export function refusalOf(argv: readonly string[]): RuntimeError {
  try {
    parse(argv);
  } catch (error) {
    if (error instanceof RuntimeError) return error;
    throw error;
  }
  throw new Error(`${argv.join(" ")} was not refused`);
}
