import type { Issue } from "./issue";
import { formatIssues, joinIssues, summarizeIssues, warningsOf } from "./report";

const issues: readonly Issue[] = [
  {
    pointer: "/process/cwd",
    message: 'is "tmp", and must be absolute',
    clause: "config.md#process",
    line: 12,
    column: 7,
  },
  {
    pointer: "",
    message: 'lacks "root", which is required',
    clause: "config.md",
    line: 1,
    column: 1,
  },
];

test("text has one line for each issue", () => {
  expect(formatIssues(issues, "text", "/b/config.json")).toBe(
    '/b/config.json:12:7: /process/cwd: is "tmp", and must be absolute (config.md#process)\n' +
      '/b/config.json:1:1: lacks "root", which is required (config.md)\n',
  );
  expect(formatIssues([], "text", "config.json")).toBe("");
});

test("json holds the issues as they are", () => {
  expect(JSON.parse(formatIssues(issues, "json", "config.json"))).toEqual({
    file: "config.json",
    issues,
  });
});

test("a summary is one line, whatever the config put into it", () => {
  const [first] = issues;
  const summary = summarizeIssues([
    {
      pointer: "/annotations/a\nb\u2028c",
      message: "is wrong",
      clause: "config.md#annotations",
      line: 2,
      column: 3,
    },
    ...(first === undefined ? [] : [first]),
  ]);
  expect(summary).toBe(
    "2 problems in config.json: 2:3: /annotations/a\\u000ab\\u2028c: is wrong (config.md#annotations); " +
      '12:7: /process/cwd: is "tmp", and must be absolute (config.md#process)',
  );
});

test("of many issues the first are told, and long names in pointers are cut", () => {
  const many = Array.from({ length: 30_000 }, (_, index) => ({
    pointer: `/annotations/${"x".repeat(70_000)}`,
    message: `is ${index}, and must be a string`,
    clause: "config.md#annotations",
    line: 1,
    column: index,
  }));

  const summary = summarizeIssues(many);

  expect(summary).toMatch(/^30000 problems in config\.json, the first 20 of them: 1:0: /);
  expect(summary).toContain(`/annotations/${"x".repeat(240)}...: is 19, and`);
  expect(summary).not.toContain("is 20, and");
  expect(summary.length).toBeLessThan(8_000);
});

test("a single issue is counted as one", () => {
  expect(summarizeIssues(issues.slice(1))).toBe(
    '1 problem in config.json: 1:1: lacks "root", which is required (config.md)',
  );
});

test("issues of what came from no file are told without places, and warnings without clauses", () => {
  expect(joinIssues(issues)).toBe(
    '"/process/cwd" is "tmp", and must be absolute; "" lacks "root", which is required',
  );
  expect(warningsOf(issues)).toEqual([
    '/process/cwd: is "tmp", and must be absolute',
    ': lacks "root", which is required',
  ]);
});
