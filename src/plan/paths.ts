/** Paths as text: what a name means before any file system is asked. */

/** An absolute path without `.`, `..`, doubled or trailing slashes; `..` stops at the top, as in a chroot. */
export function cleanPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

/** A path that may be relative to `base`. */
export function resolveFrom(base: string, path: string): string {
  return path.startsWith("/") ? cleanPath(path) : cleanPath(`${base}/${path}`);
}

export function isBelow(path: string, parent: string): boolean {
  return path.startsWith(parent === "/" ? "/" : `${parent}/`) && path !== parent;
}
