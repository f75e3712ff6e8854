import { RuntimeError } from "../../errors/runtime-error";
import { parseSignal } from "../../host/signals";
import { killContainer } from "../../lifecycle/kill";
import { defineCommand } from "../define-command";
import { quoted } from "../quoted";
import { oneOrMatching, regexFlag, withEach } from "../selection";

export const kill = defineCommand({
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
      help: "signal every process of the container; one that has stopped is no error then",
    },
    regexFlag,
  ],
  read: (values, [id, signal = "TERM"]) => ({
    ...oneOrMatching(id, values.isSet("regex")),
    signal: checkedSignal(signal),
    all: values.isSet("all"),
  }),
  run({ signal, all, ...selection }, { runtime }) {
    withEach(runtime, selection, (id) => killContainer(runtime, { id, signal, all }));
    return 0;
  },
});

function checkedSignal(text: string): number {
  const signal = parseSignal(text);
  if (signal !== undefined) return signal;
  const found = quoted(text);
  throw new RuntimeError(
    "USAGE",
    `unknown signal ${found}: expected a name such as "TERM", or a number from 0 to 64`,
  );
}
