// Fuzzing by coverage: an input that takes a branch which none took before it is kept, and changed further.
import { Novelty } from "./coverage.mjs";
import { mutate } from "./mutations.mjs";
import { Random } from "./random.mjs";

/** What was found with an input, which is made small first. */
export class Found extends Error {
  constructor(input, cause) {
    super(cause instanceof Error ? (cause.stack ?? cause.message) : String(cause));
    this.input = input;
  }
}

/**
 * Calls `check` with `runs` inputs. Answers how many were kept, and how many branches were taken. Throws Found with
 * the first input that `check` throws at.
 */
export async function fuzzByCoverage({ check, words = [] }, seeds, { runs, seed }) {
  const random = new Random(seed);
  const novelty = new Novelty();
  const corpus = [];
  const first = seeds.length === 0 ? [Buffer.from("0")] : seeds;
  for (let run = 0; run < runs; run++) {
    const input = first[run] ?? mutate(chosen(corpus, random), corpus, words, random);
    novelty.begin();
    try {
      await check(input);
    } catch (error) {
      throw new Found(await shrunk(input, check), error);
    }
    if (novelty.isNew() || corpus.length === 0) corpus.push(input);
  }
  return { corpus, branches: novelty.branches };
}

/** The newest have been changed least. */
function chosen(corpus, random) {
  const newest = Math.max(0, corpus.length - 16);
  return random.below(2) === 0
    ? random.oneOf(corpus)
    : corpus[newest + random.below(corpus.length - newest)];
}

/** The input without what can be left out, so that it fails all the same. */
async function shrunk(input, check) {
  const fails = async (bytes) => {
    try {
      await check(bytes);
      return false;
    } catch {
      return true;
    }
  };
  let left = input;
  for (let size = left.length >> 1; size > 0; size >>= 1) {
    for (let at = 0; at + size <= left.length; ) {
      const shorter = Buffer.concat([left.subarray(0, at), left.subarray(at + size)]);
      if (await fails(shorter)) left = shorter;
      else at += size;
    }
  }
  return left;
}
