import type { Count, Pressure, PressureLine } from "./types";

/** What statistics are read from: the files of one controller of a cgroup. */
export interface StatsFiles {
  readonly version: 1 | 2;
  /** The text without space around it; undefined when there is no such file, or the kernel does not count it. */
  read(file: string): string | undefined;
  /** The names of all files. */
  names(): readonly string[];
}

/** A whole number in decimal; 0 for what is none, such as a file that is not there. */
export function count(text: string | undefined): Count {
  if (text === undefined) return 0;
  const number = Number(text);
  if (Number.isSafeInteger(number)) return number;
  return isDigits(text) ? BigInt(text) : 0;
}

/** A limit in the words of cgroup v2: undefined for "max", and for what is not there. */
export const limit = (text: string | undefined): Count | undefined =>
  text === undefined || text === "max" ? undefined : count(text);

const isDigits = (text: string) => /^\d+$/.test(text);

/** Lines of a name and a number, as memory.stat has them. */
export function parseKeyed(text: string | undefined): Record<string, Count> {
  const values: Record<string, Count> = Object.create(null);
  for (const line of linesOf(text)) {
    const [name = "", value] = line.split(" ");
    if (name !== "" && value !== undefined) values[name] = count(value);
  }
  return values;
}

export const linesOf = (text: string | undefined) => (text ?? "").split("\n").filter(Boolean);

/** A count in other units. */
export function scaled(value: Count, factor: number): Count {
  const product = BigInt(value) * BigInt(factor);
  return product <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(product) : product;
}

export function sum(one: Count, other: Count): Count {
  const total = BigInt(one) + BigInt(other);
  return total <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(total) : total;
}

/** "some avg10=0.00 avg60=0.00 avg300=0.00 total=0" and a line of "full", which old kernels do not have of cpu. */
export function parsePressure(text: string | undefined): Pressure | undefined {
  if (text === undefined) return undefined;
  const nothing: PressureLine = { avg10: 0, avg60: 0, avg300: 0, total: 0 };
  const pressure = { some: nothing, full: nothing };
  for (const line of linesOf(text)) {
    const [kind, ...pairs] = line.split(" ");
    const values = new Map(pairs.map((pair) => pair.split("=") as [string, string]));
    if (kind !== "some" && kind !== "full") continue;
    pressure[kind] = {
      avg10: Number(values.get("avg10") ?? 0),
      avg60: Number(values.get("avg60") ?? 0),
      avg300: Number(values.get("avg300") ?? 0),
      total: count(values.get("total")),
    };
  }
  return pressure;
}
