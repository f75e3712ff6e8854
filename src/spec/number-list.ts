import { quote } from "./rule";

/** The numbers of a list as "0-3,7", or what is wrong with it. Blanks and empty items are passed over. */
export function parseNumberList(
  text: string,
  largest: number,
): { readonly numbers: readonly number[] } | { readonly mistake: string } {
  const numbers = new Set<number>();
  for (const item of text.split(",").map((part) => part.trim())) {
    if (item === "") continue;
    const match = /^(\d+)(?:-(\d+))?$/.exec(item);
    if (match === null) return { mistake: `${quote(item)} is neither a number nor a range` };
    const first = Number(match[1]);
    const last = Number(match[2] ?? match[1]);
    if (last > largest) return { mistake: `${quote(item)} goes beyond ${largest}` };
    if (first > last) return { mistake: `${quote(item)} ends before it begins` };
    for (let number = first; number <= last; number++) numbers.add(number);
  }
  return { numbers: [...numbers].sort((a, b) => a - b) };
}
