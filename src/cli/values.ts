import { cleanPath, resolveFrom } from "../spec/paths";
import { assertContainerId } from "../state/container-id";

/** What several commands make of the words of a command line. */

/** One property, or none: an empty value is as good as no flag, because callers leave variables empty. */
export function absolute<Key extends string>(
  key: Key,
  path: string | undefined,
  base: { readonly cwd: string },
): { readonly [K in Key]?: string } {
  return path ? ({ [key]: against(base, path) } as { [K in Key]: string }) : {};
}

/** Asks for the working directory only when the path needs one: it may be gone. */
export function against(base: { readonly cwd: string }, path: string): string {
  return path.startsWith("/") ? cleanPath(path) : resolveFrom(base.cwd, path);
}

export function checkedId(id: string): string {
  assertContainerId(id);
  return id;
}
