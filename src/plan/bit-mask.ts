/** A set of numbers as the kernel takes sets of processors and nodes: one bit each, in whole words. */
export function bitMask(numbers: readonly number[]): Uint8Array {
  const mask = new Uint8Array(
    numbers.length === 0 ? 0 : (Math.floor(Math.max(...numbers) / 64) + 1) * 8,
  );
  for (const number of numbers) {
    const byte = number >> 3;
    mask[byte] = (mask[byte] ?? 0) | (1 << (number & 7));
  }
  return mask;
}
