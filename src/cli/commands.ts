import type { CommandDefinition } from "./define-command";

/**
 * The commands, each in a file of its own, which is loaded when its command is the one: what is not used
 * costs no time. `require`, because `import()` would make every command asynchronous.
 */
const commands = {
  checkpoint: () =>
    (require("./commands/checkpoint") as typeof import("./commands/checkpoint")).checkpoint,
  completion: () =>
    (require("./commands/completion") as typeof import("./commands/completion")).completion,
  create: () => (require("./commands/create") as typeof import("./commands/create")).create,
  delete: () => (require("./commands/delete") as typeof import("./commands/delete")).deleteCommand,
  events: () => (require("./commands/events") as typeof import("./commands/events")).events,
  exec: () => (require("./commands/exec") as typeof import("./commands/exec")).exec,
  explain: () => (require("./commands/explain") as typeof import("./commands/explain")).explain,
  features: () => (require("./commands/features") as typeof import("./commands/features")).features,
  kill: () => (require("./commands/kill") as typeof import("./commands/kill")).kill,
  list: () => (require("./commands/list") as typeof import("./commands/list")).list,
  pause: () => (require("./commands/pause") as typeof import("./commands/pause")).pause,
  ps: () => (require("./commands/ps") as typeof import("./commands/ps")).ps,
  restore: () => (require("./commands/restore") as typeof import("./commands/restore")).restore,
  resume: () => (require("./commands/resume") as typeof import("./commands/resume")).resume,
  run: () => (require("./commands/run") as typeof import("./commands/run")).run,
  spec: () => (require("./commands/spec") as typeof import("./commands/spec")).spec,
  start: () => (require("./commands/start") as typeof import("./commands/start")).start,
  state: () => (require("./commands/state") as typeof import("./commands/state")).state,
  update: () => (require("./commands/update") as typeof import("./commands/update")).update,
  validate: () => (require("./commands/validate") as typeof import("./commands/validate")).validate,
} as const satisfies Readonly<Record<string, () => CommandDefinition>>;

export type CommandName = keyof typeof commands;

export const commandNames = () => Object.keys(commands) as CommandName[];

export function isCommandName(word: string): word is CommandName {
  return Object.hasOwn(commands, word);
}

export function loadCommand(name: CommandName): CommandDefinition {
  return commands[name]();
}
