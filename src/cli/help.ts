import type { Argv } from "yargs";
import type { CommandHelp } from "./define-command";
import { type Flag, helpFlag } from "./flag";
import { globalFlags } from "./global-flags";

/** The known word that a misspelt one most likely means. */
export async function nearestWord(
  word: string,
  known: readonly string[],
): Promise<string | undefined> {
  // yargs allows three wrong letters, which makes any short word any other.
  if (word.length <= 3) return undefined;
  const yargs = await loadYargs();
  let nearest: string | undefined;
  const parser = yargs([word])
    .help(false)
    .version(false)
    .exitProcess(false)
    .recommendCommands()
    .fail((message: string) => {
      nearest ??= /^Did you mean (.+)\?$/.exec(message)?.[1];
    });
  for (const candidate of known) parser.command(candidate, "");
  parser.parseSync();
  return nearest;
}

export async function formatProgramHelp(
  program: string,
  commands: readonly ({ readonly name: string } & CommandHelp)[],
): Promise<string> {
  const parser = await parserFor(program, globalFlags, "GLOBAL OPTIONS:");
  for (const { name, positionals, summary } of commands) {
    parser.command(`${name} ${positionals}`.trim(), summary);
  }
  return [
    section("NAME", `${program} - Open Container Initiative runtime`),
    section("USAGE", `${program} [global options] command [command options] [arguments...]`),
    await helpOf(parser),
  ].join("\n");
}

export async function formatCommandHelp(
  program: string,
  name: string,
  { summary, description, positionals, flags }: CommandHelp,
): Promise<string> {
  return [
    section("NAME", `${program} ${name} - ${summary}`),
    section("USAGE", `${program} ${name} [command options] ${positionals}`.trim()),
    section("DESCRIPTION", description),
    await helpOf(await parserFor(program, [...flags, helpFlag], "OPTIONS:")),
  ].join("\n");
}

function section(title: string, text: string): string {
  return `${title}:\n   ${text}\n`;
}

async function helpOf(parser: Argv): Promise<string> {
  // An empty usage line instead of one that yargs makes up.
  const text = await parser.usage("").getHelp();
  return `${text.trim()}\n`;
}

async function parserFor(
  program: string,
  flags: readonly Flag[],
  optionsTitle: string,
): Promise<Argv> {
  const yargs = await loadYargs();
  const parser = yargs([])
    .scriptName(program)
    .help(false)
    .version(false)
    .exitProcess(false)
    .wrap(width)
    .updateStrings({ "Options:": optionsTitle, "Commands:": "COMMANDS:" });
  for (const flag of flags) {
    const { name, short, kind, choices, hidden, help } = flag;
    parser.option(name, {
      type: kind === "count" ? "number" : kind,
      describe: flag.placeholder === undefined ? help : `<${flag.placeholder}> ${help}`,
      hidden: hidden ?? false,
      ...(short === undefined ? {} : { alias: short }),
      ...(choices === undefined ? {} : { choices: [...choices] }),
      ...(flag.default === undefined ? {} : { default: flag.default }),
    });
  }
  return parser;
}

const width = 100;

/**
 * Loads yargs, which takes longer than most commands do: only help and usage errors may wait for it.
 * `require`: of its two forms the ES module breaks lines within words.
 */
async function loadYargs(): Promise<(args: readonly string[]) => Argv> {
  // As it loads, yargs asks process.stdout for its width, and that sets O_NONBLOCK on the caller's
  // stream. To define the property anew would make the engine open the stream first.
  const { process: real } = globalThis;
  globalThis.process = new Proxy(real, {
    get: (target, key) => (key === "stdout" ? { columns: width } : Reflect.get(target, key)),
  });
  try {
    return require("yargs") as typeof import("yargs").default;
  } finally {
    globalThis.process = real;
  }
}
