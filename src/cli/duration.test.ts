import { parseDurationMs } from "./duration";

test.each([
  ["5s", 5000],
  ["100ms", 100],
  ["1h15m30.5s", 4_530_500],
  ["1.5s", 1500],
  [".5s", 500],
  ["2us", 0.002],
  ["2µs", 0.002],
  ["0", 0],
  ["-3m", -180_000],
  ["+1ms", 1],
])("%s is %s ms", (text, ms) => {
  expect(parseDurationMs(text)).toBe(ms);
});

test.each(["", "5", "s", "1 s", "1d", "5s!", "1..5s", "-", "1s "])('"%s" is none', (text) => {
  expect(parseDurationMs(text)).toBeUndefined();
});
