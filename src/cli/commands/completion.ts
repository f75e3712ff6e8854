import { loadAside } from "../../host/aside";
import { commandNames, loadCommand } from "../commands";
import { type CommandDefinition, defineCommand } from "../define-command";
import { print } from "../output";
import { quoted } from "../quoted";
import { UsageError } from "../usage-error";

export const completion: CommandDefinition = defineCommand({
  positionals: "<shell>",
  least: 1,
  most: 1,
  flagsAnywhere: true,
  summary: "print a script by which a shell completes command lines",
  description: "The shell is bash, zsh or fish. For bash: source <(tsoci completion bash)",
  flags: [],
  read: (_values, [shell]) => ({ shell }),
  run({ shell }, { program }) {
    const { completionScript, shells } = loadAside("completion");
    const known = shells.find((name) => name === shell);
    if (known === undefined) {
      const expected = shells.map((name) => JSON.stringify(name)).join(", ");
      throw new UsageError(
        `the shell is ${quoted(shell)}, expected one of ${expected}`,
        "completion",
      );
    }
    const commands = commandNames().map((name) => ({ name, ...loadCommand(name) }));
    return print(completionScript(known, program, commands));
  },
});
