import { listDirectory } from "../../host/files";
import { listContainers } from "../../lifecycle/list";
import { defineCommand, nothing } from "../define-command";
import { formatFlag } from "../flag";
import { formatListJson, formatListQuiet, formatListTable, print } from "../output";

export const list = defineCommand({
  ...nothing,
  summary: "list the containers below --root",
  description: "Lists the containers below --root, in the order of their ids.",
  flags: [
    formatFlag(["table", "json"], "form of the list"),
    { name: "quiet", short: "q", kind: "boolean", help: "print only the ids" },
  ],
  read: (values) => ({ format: values.text("format"), quiet: values.isSet("quiet") }),
  run({ format, quiet }, { globals, runtime }) {
    // A state root that the caller named and that is not there is a slip, and not an empty list.
    if (globals.stateRootGiven) listDirectory(globals.stateRoot);
    const formatList = quiet
      ? formatListQuiet
      : format === "json"
        ? formatListJson
        : formatListTable;
    return print(formatList(listContainers(runtime)));
  },
});
