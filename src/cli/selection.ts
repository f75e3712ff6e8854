import type { RuntimeOptions } from "../lifecycle/requests";
import type { Flag } from "./flag";
import { checkedId } from "./values";

/** One container, or all whose ids match. */
export type Selection =
  | { readonly id: string; readonly pattern?: undefined }
  | { readonly id?: undefined; readonly pattern: RegExp };

export const regexFlag = {
  name: "regex",
  short: "r",
  kind: "boolean",
  help: "the id is a regular expression, and all containers below --root that it matches are meant",
} as const satisfies Flag;

/** Loaded here: nearly nobody asks for it, and these commands have to be quick. */
const loadMatching = () => require("./matching") as typeof import("./matching");

export const oneOrMatching = (word: string, isPattern: boolean): Selection =>
  isPattern ? { pattern: loadMatching().parsePattern(word) } : { id: checkedId(word) };

export function withEach(
  runtime: Pick<RuntimeOptions, "stateRoot">,
  { id, pattern }: Selection,
  operation: (id: string) => void,
): void {
  if (pattern === undefined) operation(id);
  else loadMatching().forEachMatching(runtime, pattern, operation);
}
