import { constants } from "node:os";
import { parseSignal, signalDescription } from "./signals";

test.each([
  ["TERM", 15],
  ["SIGTERM", 15],
  ["sigterm", 15],
  ["kill", 9],
  ["9", 9],
  ["0", 0],
  ["64", 64],
  ["IOT", 6],
  ["SIGPOLL", 29],
  ["RTMIN", 34],
  ["SIGRTMIN+1", 35],
  ["RTMAX-1", 63],
  ["RTMAX", 64],
])("%s is signal %d", (text, number) => {
  expect(parseSignal(text)).toBe(number);
});

test.each([
  "",
  "SIG",
  "ZZZ",
  "65",
  "-9",
  "9.5",
  "0x9",
  " 9",
  "RTMIN+31",
  "RTMAX-31",
  "RTMIN-1",
  "RTMAX+1",
  "toString",
])("%j is no signal", (text) => {
  expect(parseSignal(text)).toBeUndefined();
});

test("every name that this machine knows has this machine's number", () => {
  for (const [name, number] of Object.entries(constants.signals)) {
    // An architecture that has it spells it so, and no Linux of ours does.
    if (name === "SIGUNUSED") continue;
    expect([name, parseSignal(name)]).toEqual([name, number]);
  }
});

test("a signal is described in the words that users know", () => {
  expect([9, 31, 40].map(signalDescription)).toEqual(["killed", "bad system call", "signal 40"]);
});
