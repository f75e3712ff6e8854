import type { CommandHelp } from "./define-command";
import { type Flag, helpFlag } from "./flag";
import { globalFlags } from "./global-flags";

/** Manual pages in the language of man(7), made from the tables that help is made from. */

export interface PageOptions {
  readonly program: string;
  readonly version: string;
}

export interface NamedCommand extends CommandHelp {
  readonly name: string;
}

/** The page of the program itself: tsoci(8). */
export function programPage(options: PageOptions, commands: readonly NamedCommand[]): string {
  const { program } = options;
  return page(program, "Open Container Initiative runtime", options, [
    section(
      "SYNOPSIS",
      `\\fB${program}\\fR [\\fIglobal options\\fR] \\fIcommand\\fR [\\fIarguments\\fR]`,
    ),
    section(
      "DESCRIPTION",
      roff(
        `Runs containers as the runtime specification of the Open Container Initiative has them: a bundle is a directory with a root file system and a config.json. Each command has a page of its own, such as ${program}-create(8).`,
      ),
    ),
    section("COMMANDS", ...commands.map(({ name, summary }) => item(bold(name), summary))),
    section("GLOBAL OPTIONS", ...globalFlags.map(describeFlag)),
    section(
      "EXIT STATUS",
      roff(
        "0 when it worked. Of run and exec the program's own status, or 128 and the number of the signal that ended it. Else 1; 3 for a command that there is not, and 255 when exec could not run its process.",
      ),
    ),
    section(
      "SEE ALSO",
      commands.map(({ name }) => `\\fB${roff(`${program}-${name}`)}\\fR(8)`).join(", "),
    ),
  ]);
}

/** The page of one command: tsoci-create(8). */
export function commandPage(
  options: PageOptions,
  { name, summary, description, positionals, flags }: NamedCommand,
): string {
  const { program } = options;
  const all: readonly Flag[] = [...flags, helpFlag];
  const shown = all.filter(({ hidden }) => !hidden);
  return page(`${program}-${name}`, summary, options, [
    section(
      "SYNOPSIS",
      `\\fB${program} ${roff(name)}\\fR [\\fIoptions\\fR] ${roff(positionals)}`.trim(),
    ),
    section("DESCRIPTION", roff(description)),
    section("OPTIONS", ...shown.map(describeFlag)),
    section("SEE ALSO", `\\fB${program}\\fR(8)`),
  ]);
}

function page(
  title: string,
  summary: string,
  { program, version }: PageOptions,
  sections: readonly string[],
): string {
  const head = `.TH ${title.toUpperCase()} 8 "" "${program} ${version}" "System Administration"`;
  const name = section("NAME", `${roff(title)} \\- ${roff(summary)}`);
  return `${[head, name, ...sections].join("\n")}\n`;
}

const section = (title: string, ...lines: readonly string[]) =>
  [`.SH ${title}`, ...lines].join("\n");

const item = (term: string, text: string) => `.TP\n${term}\n${roff(text)}`;
const bold = (text: string) => `\\fB${roff(text)}\\fR`;

function describeFlag(flag: Flag): string {
  const { name, short, placeholder, choices, help } = flag;
  const names = [...(short ? [`-${short}`] : []), `--${name}`].map(bold).join(", ");
  const value = placeholder === undefined ? "" : ` \\fI${roff(placeholder)}\\fR`;
  const notes = [
    help,
    ...(choices === undefined ? [] : [`one of ${choices.join(", ")}`]),
    ...(flag.default === undefined ? [] : [`default: ${flag.default}`]),
  ];
  return item(`${names}${value}`, notes.join("; "));
}

/** A backslash, a dash that is to stay one, and what begins a line and would be a request. */
const roff = (text: string) =>
  text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replace(/^([.'])/gm, "\\&$1");
