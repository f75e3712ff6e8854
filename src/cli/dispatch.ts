import { describeError } from "../errors/describe";
import { RuntimeError } from "../errors/runtime-error";
import { loadAside } from "../host/aside";
import type { Command } from "./args";
import { type CommandName, commandNames, loadCommand } from "./commands";
import type { CommandContext } from "./define-command";
import { formatVersion, print } from "./output";

/** Carries out a command. Returns the process's exit status. */
export function dispatch(command: Command, context: CommandContext): number | Promise<number> {
  switch (command.name) {
    case "help":
      return printHelp(context.program, command.topic);
    case "version":
      return print(formatVersion(context.program));
    default:
      return within(command.name, command.request, context);
  }
}

/** The help of the program, or of one command. */
export function helpText(program: string, topic?: CommandName): Promise<string> {
  const { formatCommandHelp, formatProgramHelp } = loadAside("help");
  if (topic !== undefined) return formatCommandHelp(program, topic, loadCommand(topic));
  const commands = commandNames().map((name) => ({ name, ...loadCommand(name) }));
  return formatProgramHelp(program, commands);
}

async function printHelp(program: string, topic: CommandName | undefined): Promise<number> {
  return print(await helpText(program, topic));
}

/** Says in front of a failure which operation it ended, unless the operation has said so itself. */
function within(
  name: CommandName,
  request: unknown,
  context: CommandContext,
): number | Promise<number> {
  const { run, failureStatus } = loadCommand(name);
  try {
    return run(request, context);
  } catch (cause) {
    const id = (request as { readonly id?: string }).id;
    const doing = id === undefined ? name : `${name} "${id}"`;
    if (describeError(cause).startsWith(doing)) throw cause;
    const code = cause instanceof RuntimeError ? cause.code : "HOST_FAILED";
    const failure = new RuntimeError(code, doing, { cause });
    if (failureStatus !== undefined) failure.exitStatus = failureStatus;
    throw failure;
  }
}
