import { deleteContainer } from "../../lifecycle/delete";
import { defineCommand, oneId } from "../define-command";
import { oneOrMatching, regexFlag, withEach } from "../selection";

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
    ...oneOrMatching(id, values.isSet("regex")),
    force: values.isSet("force"),
  }),
  run({ force, ...selection }, { runtime }) {
    withEach(runtime, selection, (id) => deleteContainer(runtime, { id, force }));
    return 0;
  },
});
