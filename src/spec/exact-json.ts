/** JSON with the whole numbers beyond 2^53 that a config may have, as `readJson` reads them. */
export const exactJson = (value: unknown): string =>
  (
    JSON.stringify(value, (_, item) => (typeof item === "bigint" ? `\0${item}` : item)) ?? "null"
  ).replace(/"\\u0000(-?\d+)"/g, "$1");
