import type { Resources } from "../generated/config";
import type { Issue } from "./issue";
import { findMistake, parseFragment, type Surround } from "./parse-fragment";

export type ParsedResources =
  | { readonly ok: true; readonly resources: Resources }
  | { readonly ok: false; readonly issues: readonly Issue[] };

const surround: Surround = {
  head: '{"ociVersion":"1.3.0","root":{"path":"/"},"linux":{"resources":',
  tail: "\n}}",
  prefix: "",
  clause: "config.md",
};

/** Reads and checks `linux.resources` alone, as the part of a config.json that they are. Pointers begin at the config. */
export function parseResources(text: string): ParsedResources {
  const parsed = parseFragment(text, surround);
  if (!parsed.ok) return parsed;
  const mistake = findMistake(text, surround);
  if (mistake !== undefined) return { ok: false, issues: [mistake] };
  return { ok: true, resources: parsed.config.linux?.resources ?? {} };
}
