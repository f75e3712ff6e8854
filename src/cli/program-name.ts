import { baseName } from "../spec/paths";

/** Names that change what we call ourselves: runc's callers look for its name in help and version. */
const aliases: readonly string[] = ["runc"];

/** What the program calls itself in its answers. */
export function programName(invokedAs: string): string {
  const name = baseName(invokedAs);
  return aliases.includes(name) ? name : "tsoci";
}
