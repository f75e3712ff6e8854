import type { IntelRdt } from "../generated/config";

/**
 * What is written to the schemata file of a class of service, in the order of config-linux.md#intelrdt. Each
 * is one write: the kernel takes a write whole or not at all, takes a resource once in each, and wants a
 * newline at its end.
 */
export function schemataWrites(rdt: IntelRdt): readonly string[] {
  const { l3CacheSchema = "", memBwSchema = "", schemata = [] } = rdt;
  return [[l3CacheSchema], [memBwSchema], schemata]
    .map((lines) => lines.filter((line) => line !== ""))
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.map((line) => `${line}\n`).join(""));
}

/** What a class that is there already has to have: `schemata` is written whatever it has. */
export function comparedLines({ l3CacheSchema = "", memBwSchema = "" }: IntelRdt): string[] {
  return [l3CacheSchema, memBwSchema].filter((line) => line !== "");
}

interface SchemataLine {
  readonly resource: string;
  /** By the number of the cache or of the memory's domain. */
  readonly values: ReadonlyMap<string, string>;
}

/** Resources whose values are numbers and no masks. */
const counted = new Set(["MB", "SMBA"]);

/** `L3:0=ff;1=c0`, as the kernel writes it, with blanks for columns, or as people do. */
function parseLine(line: string): SchemataLine {
  const colon = line.indexOf(":");
  const resource = line.slice(0, Math.max(colon, 0)).trim();
  const radix = counted.has(resource) ? 10 : 16;
  const entries = line
    .slice(colon + 1)
    .split(";")
    .filter((entry) => entry.trim() !== "")
    .map((entry): [string, string] => {
      const [domain = "", value = ""] = entry.split("=").map((part) => part.trim());
      return [withoutZeros(domain), radix === 16 ? mask(value) : withoutZeros(value)];
    });
  return { resource, values: new Map(entries) };
}

const withoutZeros = (digits: string) => digits.replace(/^0+(?=.)/, "");

const mask = (text: string) => withoutZeros(text.toLowerCase().replace(/^0x/, ""));

/**
 * The first of the lines that a class with this schemata file does not hold to, by meaning and not by text;
 * undefined when there is none. Domains that a line does not name may have any value.
 */
export function findMismatch(
  wanted: readonly string[],
  schemata: string,
  options: { readonly bandwidthStep: number },
): string | undefined {
  const existing = new Map<string, ReadonlyMap<string, string>>();
  for (const line of schemata.split("\n")) {
    const { resource, values } = parseLine(line);
    existing.set(resource, values);
  }
  return wanted.find((line) => {
    const { resource, values } = parseLine(line);
    const found = existing.get(resource);
    return [...values].some(([domain, value]) => {
      const there = found?.get(domain);
      return there !== value && there !== rounded(resource, value, options.bandwidthStep);
    });
  });
}

/** Bandwidth comes in steps, and the kernel rounds it up to one. */
function rounded(resource: string, value: string, step: number): string {
  if (resource !== "MB" || !/^\d+$/.test(value)) return value;
  return String(Math.ceil(Number(value) / step) * step);
}
