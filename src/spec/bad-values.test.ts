import { reasonFor, reasons } from "./accepted-values-fixture";
import { type BadValue, badValues, textWith } from "./bad-values-fixture";
import { configText } from "./config-fixture";
import type { Issue } from "./issue";
import { parseConfig } from "./parse-config";
import { summarizeIssues } from "./report";
import type { Json } from "./schema-walk-fixture";

/** Every property of config.json with every kind of value that it should not have. */

const document = JSON.parse(configText()) as Json;
const rows = badValues(document);

/** Where a value is told of that can be judged only beside another. */
const toldElsewhere: readonly (readonly [changed: RegExp, told: RegExp])[] = [
  [/^\/mounts\/0\/type$/, /^\/mounts\/0(\/destination)?$/],
  [/^\/mounts\/0\/uidMappings/, /^\/mounts\/0\/uidMappings$/],
  [/^\/mounts\/0\/gidMappings/, /^\/mounts\/0\/gidMappings$/],
  [/^\/linux\/(uid|gid)Mappings/, /^\/(linux\/(uid|gid)Mappings|process\/user)/],
  [/^\/linux(\/namespaces)?(\/0\/(type|path))?$/, /^\/(hostname|domainname|mounts|linux|process)/],
  [/^\/linux\/seccomp\/(listenerPath|syscalls)/, /^\/linux\/seccomp/],
  [/^\/process\/scheduler\/policy$/, /^\/process\/scheduler/],
];

const isToldAt = ({ pointer }: BadValue, told: string) =>
  told === pointer ||
  told.startsWith(`${pointer}/`) ||
  // The object that lacks it.
  told === pointer.slice(0, pointer.lastIndexOf("/")) ||
  toldElsewhere.some(([changed, at]) => changed.test(pointer) && at.test(told));

/** What was found comes first; then what is allowed, or why it cannot be. */
const sentence =
  /^(invalid memory policy[\w ]*: )?((is|has|lacks) .+|MPOL_\w+ mode requires .+ but got \d+)$/s;

/** More is read by nobody. */
const longestLine = 4096;

function mistakesOf(row: BadValue, issues: readonly Issue[]): string[] {
  const line = summarizeIssues(issues);
  const found: string[] = [];
  if (!issues.some(({ pointer }) => isToldAt(row, pointer))) found.push("is told elsewhere");
  if (line.length > longestLine) found.push(`has a line of ${line.length} characters`);
  if (/[\0\n\r]/.test(line)) found.push("has control characters in its line");
  for (const { message, line: at, column } of issues) {
    if (!sentence.test(message)) found.push(`does not say what was found: ${message}`);
    if (at < 1 || column < 1) found.push("has no place");
  }
  return found.map((mistake) => `${row.pointer}: ${row.kind} ${mistake}: ${line.slice(0, 300)}`);
}

const parsed = rows.map((row) => ({
  row,
  result: parseConfig(new TextEncoder().encode(textWith(document, row))),
}));

test("the document itself is sound, and every property of the schema has its rows", () => {
  expect(parseConfig(new TextEncoder().encode(JSON.stringify(document))).ok).toBe(true);
  expect(new Set(rows.map(({ pointer }) => pointer)).size).toBeGreaterThan(250);
  expect(rows.length).toBeGreaterThan(2500);
});

test("what is refused is told in one line, where it stands, with what was found and what is allowed", () => {
  const mistakes = parsed.flatMap(({ row, result }) =>
    result.ok ? [] : mistakesOf(row, result.issues),
  );

  expect(mistakes).toEqual([]);
});

test("what is accepted is accepted for a reason", () => {
  const accepted = parsed.filter(({ result }) => result.ok).map(({ row }) => row);

  const unexplained = accepted.filter((row) => reasonFor(row) === undefined);
  expect(unexplained.map(({ pointer, kind }) => `${pointer}: ${kind}`)).toEqual([]);
  const used = new Set(accepted.map(reasonFor));
  expect(reasons.filter((reason) => !used.has(reason)).map(({ why }) => why)).toEqual([]);
});

test("no value of another type than the schema's is accepted", () => {
  const accepted = parsed.filter(
    ({ row, result }) =>
      result.ok &&
      ["true", "a number", "a string", "an array", "an object", "1.5", "1e400"].includes(row.kind),
  );

  expect(accepted.map(({ row }) => `${row.pointer}: ${row.kind}`)).toEqual([]);
});
