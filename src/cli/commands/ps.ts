import { listContainerProcesses } from "../../lifecycle/processes";
import { defineCommand } from "../define-command";
import { formatFlag } from "../flag";
import { formatPids, print } from "../output";
import { runPs, selectRows } from "../process-table";
import { checkedId } from "../values";

export const ps = defineCommand({
  positionals: "<container-id> [ps options]",
  least: 1,
  most: Number.POSITIVE_INFINITY,
  flagsAnywhere: false,
  summary: "list the processes of a container",
  description:
    "Runs the host's ps with the options behind the id, or with \"-ef\", and prints the lines of the container's processes. Pids are the host's.",
  flags: [formatFlag(["table", "json"], "what ps prints, or the pids alone")],
  read: (values, [id, ...options]) => ({
    id: checkedId(id),
    isTable: values.text("format") === "table",
    options,
  }),
  run({ id, isTable, options }, { runtime }) {
    const pids = listContainerProcesses(runtime, id);
    if (!isTable) return print(formatPids(pids));
    return print(selectRows(runPs(options, runtime.launch), new Set(pids)));
  },
});
