// Prints the slices of a Chrome trace as a table, in the order in which they began.
import { readFileSync } from "node:fs";

const trace = JSON.parse(readFileSync(process.argv[2], "utf8"));
const events = Array.isArray(trace) ? trace : trace.traceEvents;

const lanes = new Map();
for (const event of events) {
  if (event.name === "thread_name") lanes.set(event.tid, event.args.name);
}

const slices = events.filter((event) => event.ph === "X").sort((a, b) => a.ts - b.ts);
const begin = slices[0]?.ts ?? 0;
const ms = (microseconds) => (microseconds / 1000).toFixed(3).padStart(9);

console.log(`${"began".padStart(9)} ${"took".padStart(9)}  who      step   (ms)`);
for (const slice of slices) {
  const who = lanes.get(slice.tid) ?? String(slice.tid);
  console.log(`${ms(slice.ts - begin)} ${ms(slice.dur)}  ${who.padEnd(8)} ${slice.name}`);
}
