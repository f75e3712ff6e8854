import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { programPath } from "../support/environment";
import type { Outside } from "../support/outside";

/** Makes something at a path of an image. */
export type Lay = (path: string, outside: Outside) => void;

const link =
  (target: (outside: Outside) => string): Lay =>
  (path, outside) =>
    symlinkSync(target(outside), path);

/** More links than a lookup follows, one behind the other. */
function chain(path: string): void {
  const name = basename(path);
  for (let index = 0; index < 50; index += 1)
    symlinkSync(`${name}-${index + 1}`, `${path}-${index}`);
  symlinkSync(`${name}-0`, path);
}

/** What an image may have in the place of what a runtime expects there. */
export const things: Record<string, Lay> = {
  "an absolute link to a directory of the host": link(({ dir }) => dir),
  "a link that climbs to a directory of the host": link(({ climb }) => climb),
  "a link that climbs to a file of the host": link(({ climb }) => `${climb}/canary`),
  "a link that climbs to what the host has not": link(({ climb }) => `${climb}/missing`),
  "a link through /proc/self/root": link(({ dir }) => `/proc/self/root${dir}`),
  "a link through /proc/1/root": link(({ dir }) => `/proc/1/root${dir}/canary`),
  "a link through /proc/self/cwd": link(({ climb }) => `/proc/self/cwd/${climb}`),
  "a link to an open descriptor": link(() => "/proc/self/fd/3"),
  "a link to /proc": link(() => "/proc"),
  "a link to the root": link(() => "/"),
  "a link to itself": (path) => symlinkSync(basename(path), path),
  "fifty links": chain,
  "a link to what is missing": link(() => "missing/below"),
  "a FIFO": (path) => execFileSync("mkfifo", [path]),
  "a socket": (path) => execFileSync(programPath("probe"), ["--quiet", "--socket", path]),
  "a device of another kind": (path) => execFileSync("mknod", [path, "c", "1", "7"]),
  "a file": (path) => writeFileSync(path, "of the image"),
  "a directory": (path) => mkdirSync(join(path, "below"), { recursive: true }),
};
