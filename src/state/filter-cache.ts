import type { Addon } from "../addon/bindings";
import { isErrno } from "../errors/describe";
import {
  listDirectory,
  makeDirectory,
  readBytes,
  removeFile,
  renameFile,
  statusOf,
  writeNewBytes,
} from "../host/files";
import { build } from "../version";

/** A compiled filter, and the system calls of its profile that libseccomp does not know. */
export interface CachedFilter {
  readonly program: Uint8Array;
  readonly unknownSyscalls: readonly string[];
}

/** No id has an "@", so that no container is ever taken for it, nor it for one. */
const directoryName = "@seccomp";

/** A profile is a host's or an engine's own: there are few. */
const mostFilters = 64;
const digestBytes = 32;
const countBytes = 4;
const instructionBytes = 8;
const headerBytes = 2 * digestBytes + countBytes;
/** BPF_MAXINSNS, and as many names as a profile can have in good faith. */
const mostProgramBytes = 4096 * instructionBytes;
const mostBytes = headerBytes + mostProgramBytes + 65536;

/**
 * Filters that were compiled before, each in a file named after what it was made of: the profile, libseccomp,
 * the kernel and this build. What is not exactly as we wrote it counts as not there. A file is
 *
 *     SHA-256 of the rest | key | length of the program | program | names, one a line
 */
export class FilterCache {
  private readonly directory: string;

  constructor(
    private readonly addon: Addon,
    stateRoot: string,
    private readonly euid: number,
  ) {
    this.directory = `${stateRoot}/${directoryName}`;
  }

  keyOf(text: string): Uint8Array {
    const { version, commit = "" } = build;
    return this.addon.seccompKey({ text: `${version} ${commit} ${text}` });
  }

  find(key: Uint8Array): CachedFilter | undefined {
    try {
      const path = `${this.directory}/${hex(key)}`;
      if (!this.isOurs(this.directory, "directory") || !this.isOurs(path, "file")) return undefined;
      return decode(this.addon, key, readBytes(path, mostBytes));
    } catch {
      // Whatever keeps it from being read, the filter can be compiled.
      return undefined;
    }
  }

  /** Replaces what is there under that key. A cache that cannot be written costs time and nothing else. */
  keep(key: Uint8Array, filter: CachedFilter): void {
    const temporary = `${this.directory}/new-${process.pid}`;
    try {
      const bytes = encode(this.addon, key, filter);
      if (bytes.length > mostBytes) return;
      this.prepare();
      writeNewBytes(temporary, bytes);
      renameFile(temporary, `${this.directory}/${hex(key)}`);
    } catch {
      // Nobody misses it. What was cut is removed for room, some day.
    }
  }

  /** A directory of ours, with room. Whose turn it is to go does not matter: it costs one compilation. */
  private prepare(): void {
    try {
      makeDirectory(this.directory, 0o700);
    } catch (error) {
      if (!isErrno(error, "EEXIST")) throw error;
    }
    if (!this.isOurs(this.directory, "directory")) throw new Error("it is not ours");
    const entries = listDirectory(this.directory);
    const leftOver = entries.filter(({ name }) => name === `new-${process.pid}`);
    const tooMany = entries.slice(0, Math.max(0, entries.length - mostFilters + 1));
    for (const { name } of new Set([...leftOver, ...tooMany])) {
      removeFile(`${this.directory}/${name}`);
    }
  }

  /** Whoever else could write it decides what containers may do. */
  private isOurs(path: string, kind: "directory" | "file"): boolean {
    const status = statusOf(path);
    return status?.kind === kind && status.uid === this.euid && (status.mode & 0o022) === 0;
  }
}

function hex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}

function encode(addon: Addon, key: Uint8Array, filter: CachedFilter): Uint8Array {
  const { program, unknownSyscalls } = filter;
  const names = new TextEncoder().encode(unknownSyscalls.join("\n"));
  const bytes = new Uint8Array(headerBytes + program.length + names.length);
  bytes.set(key, digestBytes);
  new DataView(bytes.buffer).setUint32(2 * digestBytes, program.length, true);
  bytes.set(program, headerBytes);
  bytes.set(names, headerBytes + program.length);
  bytes.set(addon.sha256({ bytes: bytes.subarray(digestBytes) }));
  return bytes;
}

function decode(addon: Addon, key: Uint8Array, bytes: Uint8Array): CachedFilter | undefined {
  if (bytes.length < headerBytes) return undefined;
  const digest = addon.sha256({ bytes: bytes.subarray(digestBytes) });
  if (!isSame(digest, bytes.subarray(0, digestBytes))) return undefined;
  if (!isSame(key, bytes.subarray(digestBytes, 2 * digestBytes))) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getUint32(2 * digestBytes, true);
  const end = headerBytes + length;
  if (length === 0 || length % instructionBytes !== 0 || length > mostProgramBytes)
    return undefined;
  if (end > bytes.length) return undefined;
  const names = new TextDecoder().decode(bytes.subarray(end));
  return {
    program: bytes.subarray(headerBytes, end),
    unknownSyscalls: names === "" ? [] : names.split("\n"),
  };
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false;
  for (let index = 0; index < one.length; index++) {
    if (one[index] !== other[index]) return false;
  }
  return true;
}
