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

/** `name` in the directory `dir`. Neither is cleaned: the kernel looks them up as they are. */
export const joinPath = (dir: string, name: string) =>
  name.startsWith("/") ? `${dir}${name}` : `${dir}/${name}`;

/** Everything before the last slash. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash <= 0 ? "/" : path.slice(0, slash);
}

export const baseName = (path: string) => path.slice(path.lastIndexOf("/") + 1);
