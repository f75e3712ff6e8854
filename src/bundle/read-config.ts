import { RuntimeError } from "../errors/runtime-error";
import { readBytes } from "../host/files";
import { maxConfigBytes } from "../spec/parse-config";

/**
 * The bytes of the bundle's config.json. Refuses what is not a regular file: a FIFO would hang, a device
 * would never end.
 */
export function readConfig(bundleDir: string): Uint8Array {
  try {
    return readBytes(`${bundleDir}/config.json`, maxConfigBytes);
  } catch (cause) {
    throw new RuntimeError("BUNDLE_UNREADABLE", "read config.json", { cause });
  }
}
