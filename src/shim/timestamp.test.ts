import { timestampOf } from "./timestamp";

test.each([
  [0, 0n, 0],
  [1_700_000_000_123, 1_700_000_000n, 123_000_000],
  [-1, -1n, 999_000_000],
])("%d ms are whole seconds and what is left", (unixMs, seconds, nanos) => {
  expect(timestampOf(unixMs)).toEqual({ seconds, nanos });
});
