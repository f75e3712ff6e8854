import { loadAddon } from "../addon/addon";
import type { Addon } from "../addon/bindings";

/**
 * Files of the host, by native calls: loading the engine's own file functions takes longer than `state` may
 * take. Every function throws what the kernel said, with Node's properties `code` and `syscall`.
 *
 * No path below a container's rootfs may come here: those are the image's, and only init looks them up.
 */

/** A regular file of at most 64 MiB; never blocks. */
export const readText = (path: string) => loadAddon().readText({ path });

/** A regular file of at most `maxBytes`; never blocks. */
export const readBytes = (path: string, maxBytes: number) =>
  loadAddon().readBytes({ path, maxBytes });

/** All until the end of a descriptor, which is waited for; at most `maxBytes`. */
export const readToEnd = (fd: number, maxBytes: number) => loadAddon().readToEnd({ fd, maxBytes });

/**
 * Text that the caller of a command names, of at most `maxBytes`: of any kind, a pipe is waited for. A FIFO that
 * nobody writes is empty.
 */
export function readInput(path: string, maxBytes: number): string {
  const fd = openFile(path, "input");
  try {
    return decodeInput(readToEnd(fd, maxBytes), path);
  } finally {
    closeFile(fd);
  }
}

export function decodeInput(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Error(`${JSON.stringify(name)} is not UTF-8`);
  }
}

/** Into a file that is there, as the kernel's are: one write. */
export const writeExisting = (path: string, text: string) =>
  loadAddon().writeText({ path, text, how: "existing", mode: 0 });

/** EEXIST when there is something already, a symbolic link too. */
export const writeNew = (path: string, text: string, mode: number) =>
  loadAddon().writeText({ path, text, how: "new", mode });

export const writeReplacing = (path: string, text: string, mode: number) =>
  loadAddon().writeText({ path, text, how: "replace", mode });

/** A file of 0600 that may not be there yet. */
export function writeNewBytes(path: string, bytes: Uint8Array): void {
  const fd = openFile(path, "new");
  try {
    for (let at = 0; at < bytes.length; ) at += writeBytes(fd, bytes.subarray(at));
  } finally {
    closeFile(fd);
  }
}

export const makeDirectory = (path: string, mode: number) =>
  loadAddon().makeDirectory({ path, mode });
export const removeDirectory = (path: string) => loadAddon().removeDirectory({ path });
export const removeFile = (path: string) => loadAddon().removeFile({ path });
export const renameFile = (from: string, to: string) => loadAddon().renameFile({ from, to });
export const listDirectory = (path: string) => loadAddon().listDirectory({ path });

/** lstat(2); undefined when there is nothing. */
export const statusOf = (path: string) => loadAddon().fileStatus({ path });

export const isThere = (path: string) => statusOf(path) !== undefined;
export const changeOwner = (path: string, uid: number) => loadAddon().changeOwner({ path, uid });
export const isWritable = (path: string) => loadAddon().isWritable({ path });
export const realPath = (path: string) => loadAddon().realPath({ path });
export const readLink = (path: string) => loadAddon().readLink({ path });

/** Close-on-exec; the caller closes it. */
export const openFile = (path: string, how: Parameters<Addon["openFile"]>[0]["how"]) =>
  loadAddon().openFile({ path, how });
export const closeFile = (fd: number) => loadAddon().closeFile({ fd });
export const writeBytes = (fd: number, bytes: Uint8Array) => loadAddon().writeBytes({ fd, bytes });
