/** Waits for something, which `hurry` brings about when the limit is signalled before. */
export async function hurried(
  waiting: Promise<unknown>,
  limit: AbortSignal,
  hurry: () => void,
): Promise<void> {
  if (limit.aborted) hurry();
  limit.addEventListener("abort", hurry, { once: true });
  try {
    await waiting;
  } finally {
    limit.removeEventListener("abort", hurry);
  }
}
