import type { Timestamp } from "../generated/shim/timestamp";

const msPerSecond = 1000;
const nsPerMs = 1_000_000;

/** A moment in milliseconds since 1970, as `Date.now` has it. */
export const timestampOf = (unixMs: number): Timestamp => {
  const seconds = Math.floor(unixMs / msPerSecond);
  return {
    seconds: BigInt(seconds),
    nanos: Math.floor((unixMs - seconds * msPerSecond) * nsPerMs),
  };
};
