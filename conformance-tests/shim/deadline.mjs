// Waiting that ends. TSOCI_TEST_PATIENCE multiplies every deadline, for machines that are slow.

export const patience = Number(process.env.TSOCI_TEST_PATIENCE ?? 1);

/** What the promise brings, or a failure that says what did not come. */
export async function withDeadline(promise, timeoutMs, what) {
  let timer;
  const late = new Promise((_, reject) => {
    const ms = timeoutMs * patience;
    timer = setTimeout(() => reject(new Error(`waited ${ms} ms for ${what}`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

const againMs = 5;

/** Looks again and again until there is nothing in the list that `find` makes; returns what is still there. */
export async function untilEmpty(find, timeoutMs) {
  const deadline = Date.now() + timeoutMs * patience;
  for (;;) {
    const found = find();
    if (found.length === 0 || Date.now() > deadline) return found;
    await new Promise((resolve) => setTimeout(resolve, againMs));
  }
}

/** Does it for all members, `limit` of them at a time; fails with the first failure, when all others are done. */
export async function forAll(list, limit, work) {
  const rest = list.entries();
  const failures = [];
  const worker = async () => {
    for (const [index, member] of rest) {
      try {
        await work(member, index);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: limit }, worker));
  if (failures.length > 1) {
    throw new Error(`${failures.length} of ${list.length} failed, the first one`, {
      cause: failures[0],
    });
  }
  if (failures.length === 1) throw failures[0];
}
