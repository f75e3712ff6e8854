import { killContainer } from "../../lifecycle/kill";
import { defineCommand } from "../define-command";
import { checkedId, checkedSignal } from "../values";

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
  ],
  read: (values, [id, signal = "TERM"]) => ({
    id: checkedId(id),
    signal: checkedSignal(signal),
    all: values.isSet("all"),
  }),
  run(request, { runtime }) {
    killContainer(runtime, request);
    return 0;
  },
});
