import { deleteContainer } from "../../lifecycle/delete";
import { defineCommand, oneId } from "../define-command";
import { chosenBy, forChosen, regexFlag } from "./matching";

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
    regexFlag,
  ],
  read: (values, [id]) => ({
    ...chosenBy(id, values.isSet("regex")),
    force: values.isSet("force"),
  }),
  run({ force, ...chosen }, { runtime }) {
    forChosen(runtime, chosen, (id) => deleteContainer(runtime, { id, force }));
    return 0;
  },
});
