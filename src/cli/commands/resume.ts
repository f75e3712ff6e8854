import { resumeContainer } from "../../lifecycle/pause";
import { defineCommand, oneId } from "../define-command";
import { checkedId } from "../values";

export const resume = defineCommand({
  ...oneId,
  summary: "let a paused container go on",
  description: "Lets all processes that pause has stopped go on.",
  flags: [],
  read: (_values, [id]) => ({ id: checkedId(id) }),
  run({ id }, { runtime }) {
    resumeContainer(runtime, id);
    return 0;
  },
});
