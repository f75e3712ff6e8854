import { deleteContainer } from "../../lifecycle/delete";
import { defineCommand, oneId } from "../define-command";
import { checkedId } from "../values";

export const deleteCommand = defineCommand({
  ...oneId,
  summary: "remove what is left of a stopped container",
  description:
    "Removes all that create made: the state, the cgroup, and with --force the processes.",
  flags: [
    {
      name: "force",
      short: "f",
      kind: "boolean",
      help: "kill the container first if it runs; succeed if there is none",
    },
  ],
  read: (values, [id]) => ({ id: checkedId(id), force: values.isSet("force") }),
  run(request, { runtime }) {
    deleteContainer(runtime, request);
    return 0;
  },
});
