import { RuntimeError } from "../errors/runtime-error";
import { writeExisting } from "../host/files";

/** Writes a file of a process that is ours and not yet reaped, so that the pid cannot be another's. */
export function writeProcFile(pid: number, file: string, text: string): void {
  try {
    writeExisting(`/proc/${pid}/${file}`, text);
  } catch (cause) {
    throw new RuntimeError("HOST_FAILED", `write ${JSON.stringify(text)} to ${file}`, { cause });
  }
}
