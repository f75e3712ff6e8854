import { startContainer } from "../../lifecycle/start";
import { defineCommand, oneId } from "../define-command";
import { absolute, checkedId } from "../values";
import { traceFlag } from "./creation";

export const start = defineCommand({
  ...oneId,
  summary: "run the program of a created container",
  description: "Returns once the program runs, or says why it does not.",
  flags: [traceFlag],
  read: (values, [id], surroundings) => ({
    id: checkedId(id),
    ...absolute("traceFile", values.text("trace"), surroundings),
  }),
  run(request, { runtime }) {
    startContainer(runtime, request);
    return 0;
  },
});
