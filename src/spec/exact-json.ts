/** JSON in which a bigint is a number like any other, with all of its digits. */
export function exactJson(value: unknown): string {
  const marked = JSON.stringify(value, (_, member) =>
    typeof member === "bigint" ? `\0${member}` : member,
  );
  return marked.replace(/"\\u0000(-?\d+)"/g, "$1");
}
