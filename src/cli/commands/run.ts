import { runContainer } from "../../lifecycle/run";
import { defineCommand, oneId } from "../define-command";
import { creationFlags, creationRequest } from "./creation";

export const run = defineCommand({
  ...oneId,
  summary: "create a container, start it and wait for it",
  description: "Exits as the program does, and deletes the container, unless it is told otherwise.",
  flags: [
    ...creationFlags,
    {
      name: "detach",
      short: "d",
      kind: "boolean",
      help: "return once the program runs",
    },
    { name: "keep", kind: "boolean", help: "leave the stopped container to delete" },
    {
      name: "no-subreaper",
      kind: "boolean",
      help: "do not adopt the processes that the container leaves orphaned",
    },
  ],
  read: (values, [id], surroundings) => ({
    ...creationRequest(id, values, surroundings),
    detach: values.isSet("detach"),
    keep: values.isSet("keep"),
    subreaper: !values.isSet("no-subreaper"),
  }),
  run: (request, { runtime }) => runContainer(runtime, request),
});
