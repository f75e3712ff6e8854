import { readContainerStats, watchContainer } from "../../lifecycle/events";
import { defineCommand, oneId } from "../define-command";
import { parseDurationMs } from "../duration";
import { oomLine, statsLine } from "../events-json";
import { print } from "../output";
import { quoted } from "../quoted";
import { UsageError } from "../usage-error";
import { checkedId } from "../values";

export const events = defineCommand({
  ...oneId,
  summary: "print what the kernel counts of a container, and when its memory runs out",
  description:
    "Prints one JSON object a line: the numbers at each interval, and an event whenever the container is out of memory. Ends with the container.",
  flags: [
    {
      name: "interval",
      kind: "string",
      placeholder: "duration",
      default: "5s",
      help: 'time between two lines of numbers, such as "1s" or "100ms"',
    },
    { name: "stats", kind: "boolean", help: "print the numbers once, and end" },
  ],
  read: (values, [id]) => ({
    id: checkedId(id),
    intervalMs: intervalOf(values.text("interval") ?? ""),
    once: values.isSet("stats"),
  }),
  run({ id, intervalMs, once }, { runtime }) {
    if (once) return print(statsLine(id, readContainerStats(runtime, id)));
    const listener = {
      onStats: (stats: Parameters<typeof statsLine>[1]) => print(statsLine(id, stats)),
      onOom: () => print(oomLine(id)),
    };
    watchContainer(runtime, { id, intervalMs }, listener);
    return 0;
  },
});

function intervalOf(text: string): number {
  const milliseconds = parseDurationMs(text);
  if (milliseconds === undefined) {
    throw new UsageError(
      `invalid value ${quoted(text)} for flag -interval: expected a duration such as "1s" or "100ms"`,
    );
  }
  if (milliseconds <= 0) throw new UsageError("duration interval must be greater than 0");
  // What the kernel waits for is counted so.
  return Math.ceil(milliseconds);
}
