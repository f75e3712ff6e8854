import { count } from "../cgroups/stats/parse";
import type { Count } from "../cgroups/stats/types";

/** What messages have for a limit that is not there. */
export const maxUint64 = 2n ** 64n - 1n;

/** A count as messages have it: 0 for what the kernel does not count, and for what is negative. */
export function uint64(value: Count | undefined): bigint {
  if (value === undefined || value < 0) return 0n;
  return BigInt(value);
}

/** What a file holds that is nothing but a count or "max"; 0 when there is no such file. */
export const uint64In = (text: string | undefined): bigint =>
  text === "max" ? maxUint64 : uint64(count(text));

/** A message's counts, by the names that the kernel has for them. */
export const uint64Fields = <Field extends string>(
  names: Readonly<Record<Field, string>>,
  values: Readonly<Record<string, Count>>,
): Record<Field, bigint> => {
  const fields = Object.entries<string>(names).map(([field, name]) => [
    field,
    uint64(values[name]),
  ]);
  return Object.fromEntries(fields) as Record<Field, bigint>;
};
