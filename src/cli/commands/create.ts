import { createContainer } from "../../lifecycle/create";
import { defineCommand, oneId } from "../define-command";
import { creationFlags, creationRequest } from "./creation";

export const create = defineCommand({
  ...oneId,
  summary: "create a container",
  description:
    "Makes everything of the container but its program, which start runs. The id must be unused below --root.",
  flags: creationFlags,
  read: (values, [id], surroundings) => creationRequest(id, values, surroundings),
  run(request, { runtime }) {
    createContainer(runtime, request);
    return 0;
  },
});
