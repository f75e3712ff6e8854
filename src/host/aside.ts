import { libraryDirectory } from "../addon/addon";

/**
 * Modules that stand beside the driver as files of their own: nearly no command needs them, and what one
 * executable holds is read whole at every start. From them the build makes NAME.js.
 */
const asides = {
  help: "cli/help",
  debug: "log/debug",
  completion: "cli/completion",
  "criu-rpc": "checkpoint/rpc",
  shim: "shim/main",
  "shim-thread": "shim/operations/thread",
} as const;

interface Asides {
  help: typeof import("../cli/help");
  debug: typeof import("../log/debug");
  completion: typeof import("../cli/completion");
  "criu-rpc": typeof import("../checkpoint/rpc");
  shim: typeof import("../shim/main");
}

/** Loads one of them: from beside the driver, or, without a launcher, from the package itself. */
export function loadAside<Name extends keyof Asides>(name: Name): Asides[Name] {
  const file = asideFile(name);
  // By a variable, so that the bundler leaves it alone.
  return require(file) as Asides[Name];
}

/** Where one of them is, for who starts a thread with it. */
export function asideFile(name: keyof typeof asides): string {
  const dir = libraryDirectory();
  if (dir !== undefined) return `${dir}/${name}.js`;
  const { resolve } = require;
  return resolve(`${__dirname}/../${asides[name]}`);
}
