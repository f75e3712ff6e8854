// docs/reliability.md from the results of prove.mjs.
import { proofs } from "./proofs.mjs";

const row = (cells) => `| ${cells.join(" | ")} |`;
const table = (head, rows) => [head, head.map(() => "---"), ...rows].map(row).join("\n");

const format = (value) => (typeof value === "number" ? value.toLocaleString("en-US") : value);

/** `results` as reliability.json holds them; `bugs` were found by these suites, and have a test each. */
export function renderPage(results, bugs) {
  const keys = Object.keys(proofs).filter((key) => results.suites[key] !== undefined);
  return `# Reliability

Written by \`make prove\` from \`conformance-tests/reliability.json\`; do not edit.

${table(
  ["suite", "runtime", "passed", "failed", "skipped", "known to fail", "took"],
  keys.flatMap((key) => summaries(key, results.suites[key])),
)}

"Known to fail" are tests that another runtime must fail to show what the test can see; each has its reason below.
\`make test\` runs the same suites in a shorter form.

${keys.map((key) => section(proofs[key], results.suites[key])).join("\n")}
## Bugs that were found so

${
  bugs.length === 0
    ? "None is listed."
    : table(
        ["what was wrong", "found by", "the test that stays"],
        bugs.map((bug) => [bug.what, bug.by, `"${bug.test}" in \`${bug.file}\``]),
      )
}
`;
}

function summaries(key, { runs }) {
  return Object.entries(runs).map(([runtime, { counts, seconds, differences }]) => {
    const known = Object.values(differences).reduce((total, count) => total + count, 0);
    const passed = counts.passed - known;
    return [
      proofs[key].title,
      runtime,
      ...[passed, counts.failed, counts.skipped, known].map(format),
      duration(seconds),
    ];
  });
}

function section({ title, about }, { date, commit, machine, runs }) {
  return `## ${title}

${about}

${figureTable(runs)}
${Object.entries(runs)
  .map(([runtime, { differences }]) => reasons(runtime, differences))
  .join("")}
${date}, commit ${commit}; ${machine.processor}, ${machine.memoryGiB} GiB, Linux ${machine.kernel}, cgroups ${machine.cgroups}${Object.keys(runs).length > 1 ? `; ${machine.runc}` : ""}.
`;
}

function figureTable(runs) {
  const runtimes = Object.keys(runs);
  const names = new Set(runtimes.flatMap((runtime) => Object.keys(runs[runtime].figures)));
  if (names.size === 0) return "";
  const told = runtimes.filter((runtime) => Object.keys(runs[runtime].figures).length > 0);
  const rows = [...names].map((name) => [
    name,
    ...told.map((runtime) => format(runs[runtime].figures[name] ?? "")),
  ]);
  return `${table(["figure", ...told], rows)}\n`;
}

function reasons(runtime, differences) {
  const entries = Object.entries(differences);
  if (entries.length === 0) return "";
  const lines = entries.map(([reason, count]) => `- ${reason}: ${count}`);
  return `Tests that ${runtime} is known to fail, by reason:\n\n${lines.join("\n")}\n`;
}

const duration = (seconds) =>
  seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
