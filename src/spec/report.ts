import type { Issue } from "./issue";

/** What config.json is called where no other name is known. */
const defaultFile = "config.json";

// A config chooses names and values, and a line must stay one line.
const oneLine = (text: string) =>
  text.replace(/[\p{Cc}\u2028\u2029]/gu, (character) => {
    const code = character.charCodeAt(0).toString(16).padStart(4, "0");
    return `\\u${code}`;
  });

const textOf = ({ pointer, message, clause }: Issue) =>
  oneLine(`${pointer === "" ? "" : `${pointer}: `}${message} (${clause})`);

/** Issues for people, one a line, or as one JSON document for programs; nothing at all is an empty text. */
export function formatIssues(
  issues: readonly Issue[],
  format: "text" | "json",
  file: string = defaultFile,
): string {
  if (format === "json") return `${JSON.stringify({ file, issues }, null, 2)}\n`;
  return issues
    .map((issue) => `${file}:${issue.line}:${issue.column}: ${textOf(issue)}\n`)
    .join("");
}

/** Issues as the one line that an operation fails with. */
export function summarizeIssues(issues: readonly Issue[], file: string = defaultFile): string {
  const count = issues.length === 1 ? "1 problem" : `${issues.length} problems`;
  const each = issues.map((issue) => `${issue.line}:${issue.column}: ${textOf(issue)}`);
  return `${count} in ${file}: ${each.join("; ")}`;
}

/** Issues of what came from no file and has no places, as one line. */
export const joinIssues = (issues: readonly Issue[]): string =>
  issues.map(({ pointer, message }) => `"${pointer}" ${message}`).join("; ");

/** What an operation warns of, before it goes on. */
export const warningsOf = (issues: readonly Issue[]): string[] =>
  issues.map(({ pointer, message }) => `${pointer}: ${message}`);
