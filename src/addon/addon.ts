import { existsSync } from "node:fs";
import { join } from "node:path";
import { RuntimeError } from "../errors/runtime-error";
import type { Addon } from "./bindings";

const fileName = "tsoci.node";

let loaded: Addon | undefined;

/**
 * The native half, loaded once. `libraryDir` is where the launcher found it; without a launcher it is the
 * package's own build directory. Throws HOST_FAILED when there is none.
 */
export function loadAddon(libraryDir?: string): Addon {
  loaded ??= loadFrom(libraryDir === undefined ? packageFile() : join(libraryDir, fileName));
  return loaded;
}

/** build/js/addon and src/addon are both two levels below the package. */
function packageFile(): string {
  const inPackage = join(__dirname, "..", "..", "native", fileName);
  return existsSync(inPackage) ? inPackage : join(__dirname, "..", "..", "build", "native", fileName);
}

function loadFrom(file: string): Addon {
  const module: { exports: unknown } = { exports: {} };
  try {
    process.dlopen(module, file);
  } catch (cause) {
    throw new RuntimeError("HOST_FAILED", `load the native part "${file}" (npm rebuild makes it)`, { cause });
  }
  return module.exports as Addon;
}
