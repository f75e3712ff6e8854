import { RuntimeError } from "../errors/runtime-error";
import type { CommandName } from "./commands";

/** A word that is not one of those it could have been. */
export interface Misspelling {
  readonly word: string;
  readonly known: readonly string[];
}

/** A command line that cannot be read. Its help is printed with it. */
export class UsageError extends RuntimeError {
  /** The command whose help would have told; undefined when the fault lies before one. */
  command: CommandName | undefined;
  readonly misspelling: Misspelling | undefined;

  constructor(message: string, command?: CommandName, misspelling?: Misspelling) {
    super("USAGE", message);
    this.command = command;
    this.misspelling = misspelling;
  }
}

/** The first word is no command. */
export class UnknownCommandError extends RuntimeError {
  readonly misspelling: Misspelling;

  constructor(misspelling: Misspelling) {
    super("COMMAND_UNKNOWN", `No help topic for '${misspelling.word}'`);
    this.misspelling = misspelling;
  }
}
