import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { RuntimeError } from "../errors/runtime-error";

/** More than any real config, and little enough to parse at once. */
export const maxConfigBytes = 16 * 1024 * 1024;

/**
 * The bytes of the bundle's config.json. Refuses what is not a regular file: a FIFO would hang, a device
 * would never end.
 */
export function readConfig(bundleDir: string): Uint8Array {
  const path = join(bundleDir, "config.json");
  try {
    // O_NONBLOCK: opening a FIFO waits for a writer otherwise.
    const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    try {
      return readRegularFile(fd);
    } finally {
      closeSync(fd);
    }
  } catch (cause) {
    throw new RuntimeError("BUNDLE_UNREADABLE", `read "${path}"`, { cause });
  }
}

function readRegularFile(fd: number): Uint8Array {
  const status = fstatSync(fd);
  if (!status.isFile()) throw new RuntimeError("BUNDLE_UNREADABLE", "it is not a regular file");
  if (status.size > maxConfigBytes) {
    throw new RuntimeError("BUNDLE_UNREADABLE", `it has ${status.size} bytes, and at most ${maxConfigBytes} are read`);
  }
  const bytes = new Uint8Array(status.size);
  let size = 0;
  while (size < bytes.length) {
    const count = readSync(fd, bytes, size, bytes.length - size, null);
    if (count === 0) break;
    size += count;
  }
  return bytes.subarray(0, size);
}
