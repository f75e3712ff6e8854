import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Hook } from "./config";
import { type Container, parseReport } from "./container";
import { probeHook } from "./hook";

/** What no container may ever read. */
const secret = "only the host has this";

/** Names that a runtime makes, replaces or mounts on in a container. */
const bait = ["canary", "ptmx", "null", "console", "node", "file", "secret", "entry"] as const;

/**
 * A directory that stands for the host: an image may lay links to it, but nothing in it may ever be
 * read, made, changed or mounted on.
 */
export class Outside {
  readonly dir: string;
  /** The way there by a relative link, from wherever it lies. */
  readonly climb: string;
  readonly #mountsFile: string;
  #before: string[];

  constructor(box: Container) {
    this.dir = join(box.dir, "outside");
    this.climb = `../../../../../../../../../../../..${this.dir}`;
    this.#mountsFile = join(box.dir, "mounts-before-pivot.json");
    this.#before = this.#lay();
  }

  /** Makes it anew, for a runtime that has changed it. */
  restore(): void {
    rmSync(this.dir, { recursive: true, force: true });
    this.#before = this.#lay();
  }

  /** Takes what a test has added for what was there before. */
  takeAsIs(): void {
    this.#before = listTree(this.dir);
  }

  /** A hook in the container's mount namespace, at a time when the host's tree is still there to be seen. */
  hook(): Hook {
    return probeHook("createContainer", "--out", this.#mountsFile);
  }

  /** What a run has done that it must not, a line each. */
  harm({ stdout }: { readonly stdout: string }): string[] {
    const found = listTree(this.dir);
    const changed = found.filter((line) => !this.#before.includes(line));
    const missing = this.#before.filter((line) => !found.includes(line));
    return [
      ...changed.map((line) => `changed or made: ${line}`),
      ...(changed.length === 0 ? missing.map((line) => `removed: ${line}`) : []),
      ...this.#mounted().map((target) => `mounted on ${target}`),
      ...(stdout.includes(secret) ? ["the container read what only the host has"] : []),
    ];
  }

  #lay(): string[] {
    mkdirSync(join(this.dir, "below"), { recursive: true });
    for (const name of bait) writeFileSync(join(this.dir, name), secret);
    return listTree(this.dir);
  }

  #mounted(): string[] {
    let text: string;
    try {
      text = readFileSync(this.#mountsFile, "utf8");
    } catch {
      // The container did not get as far as its hooks.
      return [];
    }
    rmSync(this.#mountsFile);
    return parseReport(text)
      .mounts.map(({ target }) => target)
      .filter((target) => target.startsWith(this.dir));
  }
}

/** Everything below a directory with all that a change leaves a trace in, the time of the change too. */
function listTree(dir: string): string[] {
  const { mode, uid, gid, nlink, ctimeNs, rdev } = lstatSync(dir, { bigint: true });
  const line = `${dir} ${mode.toString(8)} ${uid}:${gid} ${rdev} ${nlink} ${ctimeNs} ${contentOf(dir, Number(mode))}`;
  if ((Number(mode) & 0o170000) !== 0o040000) return [line];
  return [line, ...readdirSync(dir).flatMap((name) => listTree(join(dir, name)))];
}

function contentOf(path: string, mode: number): string {
  const type = mode & 0o170000;
  if (type === 0o100000) return readFileSync(path, "utf8");
  return type === 0o120000 ? readlinkSync(path) : "";
}
