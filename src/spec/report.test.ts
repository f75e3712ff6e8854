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
