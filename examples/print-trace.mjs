// Prints the slices of a Chrome trace as a table, in the order in which they began. A slice that lies
// within another one of the same actor is indented below it.
import { readFileSync } from "node:fs";

const trace = JSON.parse(readFileSync(process.argv[2], "utf8"));
const events = Array.isArray(trace) ? trace : trace.traceEvents;

const actors = new Map();
for (const event of events) {
  if (event.name === "thread_name") actors.set(event.tid, event.args.name);
}

// Of two that began at once, the longer one holds the other.
const slices = events
  .filter((event) => event.ph === "X")
  .sort((a, b) => a.ts - b.ts || b.dur - a.dur);

/** How many slices of the same actor are still going on; each call has to be for a later slice. */
const open = new Map();
function depthOf(slice) {
  const around = (open.get(slice.tid) ?? []).filter(({ ts, dur }) => ts + dur > slice.ts);
  open.set(slice.tid, [...around, slice]);
  return around.length;
}

// The operation's own begin is 0: what init had begun before a `start`, began before 0.
const ms = (microseconds) => (microseconds / 1000).toFixed(3).padStart(9);

console.log(`${"began".padStart(9)} ${"took".padStart(9)}  who     step   (ms)`);
for (const slice of slices) {
  const who = (actors.get(slice.tid) ?? String(slice.tid)).padEnd(6);
  const name = `${"  ".repeat(depthOf(slice))}${slice.name}`;
  const property = slice.args?.property;
  const forProperty = property === undefined ? "" : `  (${property})`;
  console.log(`${ms(slice.ts)} ${ms(slice.dur)}  ${who}  ${name}${forProperty}`);
}
