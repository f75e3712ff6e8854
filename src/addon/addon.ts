import { RuntimeError } from "../errors/runtime-error";
import type { Addon } from "./bindings";

const fileName = "tsoci.node";

let loaded: Addon | undefined;

/** Where the launcher found the native half; without a launcher it is in the package's own build directory. */
let libraryDir: string | undefined;

export function locateAddon(dir: string | undefined): void {
  libraryDir = dir;
}

/** Undefined without a launcher. */
export const libraryDirectory = () => libraryDir;

/** The native half, loaded once, by the first who needs it. Throws HOST_FAILED when there is none. */
export function loadAddon(): Addon {
  loaded ??= loadFrom(libraryDir === undefined ? packageFile() : `${libraryDir}/${fileName}`);
  return loaded;
}

/** Two levels below the package are src/addon and, built, build/js/addon. */
function packageFile(): string {
  const up = `${__dirname}/../..`;
  return __dirname.endsWith("/src/addon")
    ? `${up}/build/native/${fileName}`
    : `${up}/native/${fileName}`;
}

function loadFrom(file: string): Addon {
  const module: { exports: unknown } = { exports: {} };
  try {
    process.dlopen(module, file);
  } catch (cause) {
    throw new RuntimeError("HOST_FAILED", `load the native part "${file}" (npm rebuild makes it)`, {
      cause,
    });
  }
  return module.exports as Addon;
}
