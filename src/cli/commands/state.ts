import { readState } from "../../lifecycle/state";
import { defineCommand, oneId } from "../define-command";
import { formatState, print } from "../output";
import { checkedId } from "../values";

export const state = defineCommand({
  ...oneId,
  summary: "print the state of a container",
  description: "Prints the state as JSON, as the specification lays it out.",
  flags: [],
  read: (_values, [id]) => ({ id: checkedId(id) }),
  run: ({ id }, { runtime }) => print(formatState(readState(runtime, id))),
});
