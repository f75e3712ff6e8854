/** The longest time that a timer can be set to: about 25 days. */
const longestTimerMs = 0x7fff_ffff;

/**
 * Calls back once that time is up. A longer time than a timer can hold never ends: nothing that a shim does
 * takes so long. Returns what takes it back.
 */
export function afterNs(timeoutNs: bigint, callback: () => void): () => void {
  const timeoutMs = Number(timeoutNs / 1_000_000n);
  if (timeoutMs > longestTimerMs) return () => {};
  const timer = setTimeout(callback, timeoutMs);
  return () => clearTimeout(timer);
}
