import { killContainer } from "../../lifecycle/kill";
import { defineCommand } from "../define-command";
import { checkedSignal } from "../values";
import { chosenBy, forChosen, regexFlag } from "./matching";

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
      help: "signal every process of the container",
      hidden: true,
    },
    regexFlag,
  ],
  read: (values, [id, signal = "TERM"]) => ({
    ...chosenBy(id, values.isSet("regex")),
    signal: checkedSignal(signal),
    all: values.isSet("all"),
  }),
  run({ signal, all, ...chosen }, { runtime }) {
    forChosen(runtime, chosen, (id) => killContainer(runtime, { id, signal, all }));
    return 0;
  },
});
