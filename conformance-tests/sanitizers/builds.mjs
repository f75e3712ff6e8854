import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const repositoryDir = fileURLToPath(new URL("../..", import.meta.url));

/** By its short name: what the compiler is told, and what is built. */
const sanitizers = {
  address: { flags: "address,undefined", targets: ["all", "native-tests", "sanitizer-tests"] },
  // Init and the launcher have one thread.
  thread: { flags: "thread", targets: ["hub-test", "sanitizer-tests"] },
};

/** What must be in an engine before the addon is, by the names that the loader knows. */
export const preloaded = "libasan.so.8:libubsan.so.1";

const asides = {
  help: "cli/help",
  debug: "log/debug",
  completion: "cli/completion",
  "criu-rpc": "checkpoint/rpc",
  shim: "shim/main",
  "shim-thread": "shim/operations/thread",
};

function run(command, args) {
  const outcome = spawnSync(command, args, { cwd: repositoryDir, encoding: "utf8" });
  if (outcome.status === 0) return;
  throw new Error(`${command} ${args.join(" ")}: ${outcome.stdout}${outcome.stderr}`);
}

/** Builds it with a sanitizer into build/NAME/native: that directory. */
export function build(name) {
  const out = join(repositoryDir, "build", name, "native");
  const { flags, targets } = sanitizers[name];
  const options = [`--CDTSOCI_SANITIZE=${flags}`, "--log-level", "warn"];
  run("npx", ["cmake-js", "configure", "--directory", "native", "--out", out, ...options]);
  run("cmake", ["--build", out, "--parallel", "2", "--target", ...targets]);
  return out;
}

/** Builds what has no sanitizer, as it is released, and its tests: its directory. */
export function buildReleased() {
  const out = join(repositoryDir, "build/native");
  run("cmake", ["--build", out, "--parallel", "2", "--target", "native-tests", "sanitizer-tests"]);
  return out;
}

/**
 * Lays the package and a prefix out around the addon with the address sanitizer, with Node in place of the compiled
 * driver: its directory. `optionsFile` says what the sanitizer is told.
 */
export function layOut(optionsFile) {
  const dir = join(repositoryDir, "build/address");
  const libraryDir = join(dir, "lib/tsoci");
  for (const made of ["js", "lib", "bin"])
    rmSync(join(dir, made), { recursive: true, force: true });
  cpSync(join(repositoryDir, "build/js"), join(dir, "js"), { recursive: true });
  mkdirSync(libraryDir, { recursive: true });
  mkdirSync(join(dir, "bin"));
  // Copied: the launcher goes by its own place.
  cpSync(join(dir, "native/tsoci"), join(dir, "bin/tsoci"));
  symlinkSync("../../native/tsoci.node", join(libraryDir, "tsoci.node"));
  for (const [name, module] of Object.entries(asides)) {
    writeFileSync(
      join(libraryDir, `${name}.js`),
      `module.exports = require("../../js/${module}");\n`,
    );
  }
  // A script of Node's: a shell would drop the variables that the launcher has renamed.
  const variables = `LD_PRELOAD=${preloaded} ASAN_OPTIONS=include=${optionsFile}`;
  const interpreter = `#!/usr/bin/env -S ${variables} ${process.execPath}`;
  if (interpreter.length > 254) throw new Error(`"${interpreter}" is longer than the kernel reads`);
  const driver = join(libraryDir, "driver");
  writeFileSync(driver, `${interpreter}\nrequire("../../js/main.js");\n`);
  chmodSync(driver, 0o755);
  return dir;
}
