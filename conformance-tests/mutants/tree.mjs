// The copy of the tree that is broken and built, in the place of the one that it is a copy of.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Not copied: what is only read, and what no test of a mutant needs. */
const shared = "node_modules";
const left = new Set([shared, ".git", "build"]);
/** Of what was built; the rest is made by tests that are not asked. */
const built = ["native", "js", "stamps", "probe"];

/** With times, so that nothing is built again that need not be. */
export function copyTree(root, copy) {
  mkdirSync(join(copy, "build"), { recursive: true });
  mkdirSync(join(copy, shared));
  const copyInto = (dir, names) => {
    const found = names.filter((name) => existsSync(join(root, dir, name)));
    const paths = found.map((name) => join(root, dir, name));
    if (paths.length > 0) execFileSync("cp", ["-a", ...paths, join(copy, dir)]);
  };
  copyInto(
    ".",
    readdirSync(root).filter((name) => !left.has(name)),
  );
  copyInto("build", built);
  withoutTypes(join(copy, "tsconfig.json"));
}

/** A mutant that does not fit the types would be found by no test. */
function withoutTypes(path) {
  const text = readFileSync(path, "utf8");
  const asked = '"compilerOptions": {';
  if (!text.includes(asked)) throw new Error(`"${path}" has no ${asked}`);
  writeFileSync(path, text.replace(asked, `${asked} "noCheck": true,`));
}

/** In a mount namespace of one's own: from here on the copy is the tree, as what was built knows its paths. */
export function enterCopy(root, copy) {
  execFileSync("mount", ["--bind", "-o", "ro", join(root, shared), join(copy, shared)]);
  execFileSync("mount", ["--rbind", copy, root]);
  process.chdir(root);
}

/** Breaks a file; what is returned mends it. */
export function breakFile(root, { file, find, replace }) {
  const path = join(root, file);
  const whole = readFileSync(path, "utf8");
  writeFileSync(
    path,
    whole.replace(find, () => replace),
  );
  return () => writeFileSync(path, whole);
}

/** Throws, with what the compiler says, for what is no program any more. */
export function build(root, targets) {
  for (const [command, ...args] of [
    ["make", "-s", "-j2", "all"],
    ...targets.map((target) => ["cmake", "--build", "build/native", "--target", target]),
  ]) {
    const outcome = spawnSync(command, args, {
      cwd: root,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
      timeout: 300_000,
    });
    if (outcome.status === 0) continue;
    throw new Error(`${[command, ...args].join(" ")}: ${outcome.stdout}${outcome.stderr}`);
  }
}
