// Which tests are asked about a mutant that those of its own have not noticed.
import { readdirSync } from "node:fs";
import { join } from "node:path";

const testsBelow = (root, dir) =>
  readdirSync(join(root, dir), { recursive: true })
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => join(dir, name));

/** By the beginning of a file's path, the directories of container tests that are about it. */
const areas = [
  ["src/spec", ["validate"]],
  ["src/plan", ["process", "mounts", "rootfs", "namespaces"]],
  ["src/cgroups", ["cgroups", "leaks"]],
  ["src/state", ["lifecycle", "leaks", "security"]],
  ["src/shim", ["shim"]],
  ["src/cli", ["cli", "validate", "errors"]],
  ["src/", ["lifecycle", "leaks", "hooks", "exec"]],
  ["native/launcher", ["cli", "process", "shim"]],
  ["native/init/hooks", ["hooks"]],
  ["native/", ["security", "mounts", "rootfs", "process", "exec", "leaks"]],
];

/** Kinds and files, those of the least effort first. */
export function widerThan(root, { file }) {
  const [, dirs] = areas.find(([begin]) => file.startsWith(begin));
  const units = file.startsWith("src/") ? [["unit", testsBelow(root, "src")]] : [];
  const inDirs = dirs.flatMap((dir) => testsBelow(root, `conformance-tests/${dir}`));
  return [...units, ["containers", inDirs]];
}
