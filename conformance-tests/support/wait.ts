import { patience } from "./environment";

const pause = new Int32Array(new SharedArrayBuffer(4));

/** Looks again and again until `find` answers; an answer of undefined or false is none. */
export function waitFor<T>(what: string, find: () => T | undefined | false, timeoutMs = 10_000): T {
  const deadline = Date.now() + timeoutMs * patience;
  for (;;) {
    const found = find();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs * patience} ms for ${what}`);
    Atomics.wait(pause, 0, 0, 2);
  }
}
