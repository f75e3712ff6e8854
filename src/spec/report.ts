import type { Issue } from "./issue";

/** What config.json is called where no other name is known. */
const defaultFile = "config.json";

// A config chooses names and values, and a line must stay one line.
const oneLine = (text: string) =>
  text.replace(/[\p{Cc}\u2028\u2029]/gu, (character) => {
    const code = character.charCodeAt(0).toString(16).padStart(4, "0");
    return `\\u${code}`;
  });

/** Names in a pointer are the config's, and may be as long as it likes. */
const longestPointer = 256;

const shortened = (pointer: string) =>
  pointer.length <= longestPointer ? pointer : `${pointer.slice(0, longestPointer - 3)}...`;

const textOf = ({ pointer, message, clause }: Issue) =>
  oneLine(`${pointer === "" ? "" : `${shortened(pointer)}: `}${message} (${clause})`);

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

/** More of them in one line would be read by nobody; `validate` prints all. */
const mostInOneLine = 20;

/** Issues as the one line that an operation fails with. */
export function summarizeIssues(issues: readonly Issue[], file: string = defaultFile): string {
  const count = issues.length === 1 ? "1 problem" : `${issues.length} problems`;
  const told = issues.length > mostInOneLine ? `, the first ${mostInOneLine} of them` : "";
  const each = issues
    .slice(0, mostInOneLine)
    .map((issue) => `${issue.line}:${issue.column}: ${textOf(issue)}`);
  return `${count} in ${file}${told}: ${each.join("; ")}`;
}

/** Issues of what came from no file and has no places, as one line. */
export const joinIssues = (issues: readonly Issue[]): string =>
  issues.map(({ pointer, message }) => `"${pointer}" ${message}`).join("; ");

/** What an operation warns of, before it goes on. */
export const warningsOf = (issues: readonly Issue[]): string[] =>
  issues.map(({ pointer, message }) => `${pointer}: ${message}`);
