import type { CommandHelp } from "./define-command";
import { type Flag, helpFlag } from "./flag";
import { globalFlags } from "./global-flags";

/** Scripts by which shells complete our command lines, made from the same tables that are read and printed. */

export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

export interface NamedCommand extends CommandHelp {
  readonly name: string;
}

/** The script for a shell: `program` is what the completed command is called. */
export function completionScript(
  shell: Shell,
  program: string,
  commands: readonly NamedCommand[],
): string {
  return { bash: bashScript, zsh: zshScript, fish: fishScript }[shell](program, commands);
}

/** What can stand for a value. */
type Kind = "file" | "directory" | "container" | "words" | "other";

/** Placeholders that name something that shells know. */
const kinds: Readonly<Record<string, Kind>> = {
  file: "file",
  socket: "file",
  dir: "directory",
  "container-id": "container",
  bundle: "directory",
  shell: "words",
};

interface Value {
  readonly kind: Kind;
  readonly words: readonly string[];
}

const valueFor = ({
  placeholder = "",
  choices = [],
}: Pick<Flag, "placeholder" | "choices">): Value => ({
  kind: choices.length > 0 ? "words" : (kinds[placeholder] ?? "other"),
  words: choices,
});

/** Their container is not there yet. */
const makers: ReadonlySet<string> = new Set(["create", "run", "restore"]);

/** The first positional argument: "<container-id> [signal]" begins with a container. */
function firstPositional({ name: command, positionals }: NamedCommand): Value | undefined {
  if (makers.has(command)) return undefined;
  const name = /^[<[]([\w|-]+)/.exec(positionals)?.[1];
  if (name === undefined) return undefined;
  if (name.includes("|")) return valueFor({ choices: name.split("|") });
  return valueFor({ placeholder: name, ...(name === "shell" ? { choices: shells } : {}) });
}

const takesValue = ({ kind }: Flag) => kind !== "boolean";

function shown(flags: readonly Flag[]): readonly Flag[] {
  const all: readonly Flag[] = [...flags, helpFlag];
  return all.filter(({ hidden }) => !hidden);
}

const globals = globalFlags.filter(({ name }) => name !== helpFlag.name);

function bashScript(program: string, commands: readonly NamedCommand[]): string {
  const dashed = ({ name, short }: Flag) => [`--${name}`, ...(short ? [`-${short}`] : [])];
  const word = ({ kind, words }: Value) => (kind === "words" ? words.join(" ") : `@${kind}`);
  const levels = [
    { key: "-", flags: shown(globals) },
    ...commands.map(({ name, flags }) => ({ key: name, flags: shown(flags) })),
  ];
  const flags = levels.map(
    (level) => `  [${level.key}]=${quoted(level.flags.flatMap(dashed).join(" "))}`,
  );
  const values = levels.flatMap((level) =>
    level.flags
      .filter(takesValue)
      .flatMap((flag) =>
        dashed(flag).map(
          (name) => `  [${quoted(`${level.key} ${name}`)}]=${quoted(word(valueFor(flag)))}`,
        ),
      ),
  );
  const positionals = commands.flatMap((command) => {
    const value = firstPositional(command);
    return value === undefined ? [] : [`  [${command.name}]=${quoted(word(value))}`];
  });
  const names = commands.map(({ name }) => name);
  return `# Completes the command lines of ${program} in bash.

declare -gA _${program}_flags=(
${flags.join("\n")}
)
# By "COMMAND FLAG"; "-" is before the command.
declare -gA _${program}_values=(
${values.join("\n")}
)
declare -gA _${program}_positionals=(
${positionals.join("\n")}
)

_${program}() {
  local current=\${COMP_WORDS[COMP_CWORD]} command=- open= root= kind= word
  local -i index seen=0
  # bash makes words of their own of the "=" in "--flag=value".
  [[ $current == = ]] && current=
  for ((index = 1; index < COMP_CWORD; index++)); do
    word=\${COMP_WORDS[index]}
    if [[ -n $open ]]; then
      [[ $word == = ]] && continue
      [[ $open == --root ]] && root=$word
      open=
    elif [[ $word == -* ]]; then
      [[ -n \${_${program}_values["$command $word"]-} ]] && open=$word
    elif [[ $command == - ]]; then
      command=$word
    else
      seen+=1
    fi
  done
  if [[ -n $open ]]; then
    kind=\${_${program}_values["$command $open"]}
  elif [[ $current == -* ]]; then
    kind=\${_${program}_flags["$command"]-}
  elif [[ $command == - ]]; then
    kind=${quoted(names.join(" "))}
  elif ((seen == 0)); then
    kind=\${_${program}_positionals["$command"]-}
  fi
  case $kind in
    @file) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    @directory) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
    @container)
      kind=$("\${COMP_WORDS[0]}" \${root:+--root "$root"} list --quiet 2>/dev/null)
      mapfile -t COMPREPLY < <(compgen -W "$kind" -- "$current")
      ;;
    @other | '') COMPREPLY=() ;;
    *) mapfile -t COMPREPLY < <(compgen -W "$kind" -- "$current") ;;
  esac
}

complete -F _${program} ${program}
`;
}

function zshScript(program: string, commands: readonly NamedCommand[]): string {
  const action = ({ kind, words }: Value) =>
    ({
      file: "_files",
      directory: "_files -/",
      container: `_${program}_containers`,
      words: `(${words.join(" ")})`,
      other: " ",
    })[kind];
  const spec = (flag: Flag) => {
    const text = flag.help.replace(/[[\]:\\]/g, "\\$&");
    const value = takesValue(flag)
      ? `:${flag.placeholder ?? "value"}:${action(valueFor(flag))}`
      : "";
    const equals = takesValue(flag) ? "=" : "";
    // Several times, where the last does not simply win.
    const repeat = flag.repeatable ? "*" : "";
    const names = [`--${flag.name}${equals}`, ...(flag.short ? [`-${flag.short}`] : [])];
    return names.map((name) => `    ${quoted(`${repeat}${name}[${text}]${value}`)} \\`);
  };
  const cases = commands.map((command) => {
    const value = firstPositional(command);
    const flags = shown(command.flags).flatMap(spec).join("\n");
    const first = value === undefined ? "" : ` '1:argument:${action(value)}'`;
    return `  (${command.name})\n  _arguments \\\n${flags}\n   ${first} '*:: :_default'\n  ;;`;
  });
  const described = commands.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}`);
  return `#compdef ${program}
# Completes the command lines of ${program} in zsh.

_${program}_containers() {
  local -a containers
  containers=(\${(f)"$(${program} \${root:+--root} \${root:+$root} list --quiet 2>/dev/null)"})
  compadd -a containers
}

_${program}() {
  local curcontext=$curcontext state root
  local -a line commands
  typeset -A opt_args
  _arguments -C \\
${shown(globals).flatMap(spec).join("\n")}
    '1:command:->command' '*::argument:->argument'
  root=\${opt_args[--root]}
  if [[ $state == command ]]; then
    commands=(
${described.join("\n")}
    )
    _describe command commands
    return
  fi
  case $line[1] in
${cases.join("\n")}
  esac
}

_${program} "$@"
`;
}

function fishScript(program: string, commands: readonly NamedCommand[]): string {
  const action = ({ kind, words }: Value) =>
    ({
      file: " -r -F",
      directory: " -x -a '(__fish_complete_directories)'",
      container: ` -x -a '(__${program}_containers)'`,
      words: ` -x -a ${fishQuoted(words.join(" "))}`,
      other: " -x",
    })[kind];
  const option = (when: string, flag: Flag) =>
    [
      `complete -c ${program} -n ${fishQuoted(when)} -l ${flag.name}`,
      flag.short ? ` -s ${flag.short}` : "",
      takesValue(flag) ? action(valueFor(flag)) : "",
      ` -d ${fishQuoted(flag.help)}`,
    ].join("");
  const none = "__fish_use_subcommand";
  const lines = commands.flatMap((command) => {
    const { name, summary, flags } = command;
    const when = `__fish_seen_subcommand_from ${name}`;
    const value = firstPositional(command);
    return [
      `complete -c ${program} -n ${none} -a ${name} -d ${fishQuoted(summary)}`,
      ...shown(flags).map((flag) => option(when, flag)),
      ...(value === undefined
        ? []
        : [`complete -c ${program} -n ${fishQuoted(when)}${action(value)}`]),
    ];
  });
  return `# Completes the command lines of ${program} in fish.

function __${program}_containers
    ${program} list --quiet 2>/dev/null
end

complete -c ${program} -f
${shown(globals)
  .map((flag) => option(none, flag))
  .join("\n")}
${lines.join("\n")}
`;
}

/** For a POSIX shell. */
const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
const fishQuoted = (text: string) => `'${text.replace(/['\\]/g, "\\$&")}'`;
