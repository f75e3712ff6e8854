import { isErrno } from "../errors/describe";
import { writeBytes } from "./files";
import { pause } from "./pause";

/**
 * Writes all of `text` to a descriptor that may be shared with the container.
 *
 * `process.stdout` would do it, but sets O_NONBLOCK on the open file description, and the container
 * inherits that. Somebody else may have set it already: then a full pipe is waited for.
 */
export const writeAll = (fd: number, text: string) =>
  writeAllBytes(fd, new TextEncoder().encode(text));

export function writeAllBytes(fd: number, bytes: Uint8Array): void {
  let written = 0;
  while (written < bytes.length) {
    try {
      written += writeBytes(fd, bytes.subarray(written));
    } catch (error) {
      if (!isErrno(error, "EAGAIN")) throw error;
      pause(2);
    }
  }
}
