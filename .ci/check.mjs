// Everything about the sources that a tool can decide. All checks run, so that one look shows all.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const maxLines = 400;
const sourceDirs = [
  "src",
  "native",
  "conformance-tests",
  "bench",
  "examples",
  ".ci",
  "spec-schemas",
];
const sourceNames = /\.(ts|mjs|cc|h|c|sh)$/;
const notOurHand = /(^|\/)(generated|golden)\//;

function filesBelow(dir) {
  const entries = readdirSync(join(root, dir), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(root.length))
    .filter((path) => !notOurHand.test(path));
}

/** What a command prints when it does not pass; undefined when it does. */
function complaintOf(command, args) {
  const outcome = spawnSync(command, args, { cwd: root, encoding: "utf8" });
  if (outcome.status === 0) return undefined;
  return outcome.error?.message ?? `${outcome.stdout}${outcome.stderr}`.trim();
}

function longFiles() {
  const paths = sourceDirs
    .flatMap((dir) => filesBelow(dir))
    .filter((path) => sourceNames.test(path));
  const tooLong = paths.flatMap((path) => {
    const lines = readFileSync(join(root, path), "utf8").split("\n").length - 1;
    return lines > maxLines ? [`${path} has ${lines} lines, and may have ${maxLines}`] : [];
  });
  return tooLong.length === 0 ? undefined : tooLong.join("\n");
}

/** `make` has just written what is generated anew; in CI that may not have changed anything. */
function staleGenerated() {
  if (process.env.CI !== "true") return undefined;
  const args = ["status", "--porcelain", "--", "src/generated", "native/generated"];
  const outcome = spawnSync("git", args, { cwd: root, encoding: "utf8" });
  if (outcome.status !== 0) return outcome.error?.message ?? outcome.stderr.trim();
  return outcome.stdout === "" ? undefined : `not as committed:\n${outcome.stdout.trimEnd()}`;
}

/** A link to a file that has moved is found by the reader who needed it. */
function deadLinks() {
  const pages = [
    ...readdirSync(root),
    ...readdirSync(join(root, "docs"), { recursive: true }).map((name) => `docs/${name}`),
  ];
  const dead = pages
    .filter((page) => page.endsWith(".md"))
    .flatMap((page) =>
      [...readFileSync(join(root, page), "utf8").matchAll(/\]\((?!https?:|#)([^)#]+)/g)]
        .map((match) => match[1])
        .filter((target) => !existsSync(join(root, dirname(page), target)))
        .map((target) => `${page} links to ${target}, which is not there`),
    );
  return dead.length === 0 ? undefined : dead.join("\n");
}

/** The configuration that callers.md and others show is that which the runners give to the clients. */
function wrongSnippets() {
  const pages = readdirSync(join(root, "docs")).filter((name) => name.endsWith(".md"));
  const quoted = pages.flatMap((page) => {
    const text = readFileSync(join(root, "docs", page), "utf8");
    const quotes = text.matchAll(/<!-- (callers\/\S+) -->\n```\w+\n([\s\S]*?)```/g);
    return [...quotes].map(([, file, lines]) => ({ page, file, lines }));
  });
  const wrong = quoted
    .filter(({ file, lines }) => readFileSync(join(root, "docs", file), "utf8") !== lines)
    .map(({ page, file }) => `docs/${page} quotes docs/${file}, but not as it is`);
  const missing = readdirSync(join(root, "docs/callers"))
    .filter((name) => !quoted.some(({ file }) => file === `callers/${name}`))
    .map((name) => `docs/callers/${name} is on no page`);
  return wrong.length + missing.length === 0 ? undefined : [...wrong, ...missing].join("\n");
}

const bin = (name) => `node_modules/.bin/${name}`;
const cppFiles = () => filesBelow("native").filter((path) => /\.(cc|h)$/.test(path));

const checks = {
  generated: staleGenerated,
  types: () => complaintOf(bin("tsc"), ["--noEmit", "--project", "tsconfig.json"]),
  "types of tests": () => complaintOf(bin("tsc"), ["--project", "conformance-tests/tsconfig.json"]),
  lint: () => complaintOf(bin("biome"), ["check", "--max-diagnostics=50", "."]),
  "c++ format": () => complaintOf("clang-format", ["--dry-run", "-Werror", ...cppFiles()]),
  "file length": longFiles,
  links: deadLinks,
  snippets: wrongSnippets,
};

/** Runs all checks and prints what they find. */
export function runChecks() {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const [name, check] of Object.entries(checks)) {
    const complaint = check();
    if (complaint !== undefined) console.log(complaint);
    console.log(`check ${name}: ${complaint === undefined ? "ok" : "FAILED"}`);
    counts[complaint === undefined ? "passed" : "failed"] += 1;
  }
  return counts;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.exitCode = runChecks().failed === 0 ? 0 : 1;
}
