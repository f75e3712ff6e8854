import { pauseContainer } from "../../lifecycle/pause";
import { defineCommand, oneId } from "../define-command";
import { checkedId } from "../values";

export const pause = defineCommand({
  ...oneId,
  summary: "stop every process of a container where it is",
  description:
    "Freezes the container's cgroup, until resume. The status of a frozen container is paused.",
  flags: [],
  read: (_values, [id]) => ({ id: checkedId(id) }),
  run({ id }, { runtime }) {
    pauseContainer(runtime, id);
    return 0;
  },
});
