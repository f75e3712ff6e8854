import { readConfig } from "../bundle/read-config";
import type { Issue } from "../spec/issue";
import { parseConfig } from "../spec/parse-config";
import { formatIssues } from "../spec/report";
import type { ReportFormat } from "./command-line";

export interface Validation {
  readonly valid: boolean;
  /** To be printed. */
  readonly report: string;
}

/** `validate`: every issue of a bundle's config.json, and what it asks for that is only unwise. */
export function validateBundle(bundleDir: string, format: ReportFormat): Validation {
  const parsed = parseConfig(readConfig(bundleDir));
  const issues = parsed.ok ? [] : parsed.issues;
  const formatReport = format === "json" ? jsonReport : textReport;
  return { valid: parsed.ok, report: formatReport(issues, parsed.warnings) };
}

function jsonReport(issues: readonly Issue[], warnings: readonly Issue[]): string {
  return `${JSON.stringify({ valid: issues.length === 0, issues, warnings }, null, 2)}\n`;
}

function textReport(issues: readonly Issue[], warnings: readonly Issue[]): string {
  const marked = warnings.map((warning) => ({
    ...warning,
    message: `warning: ${warning.message}`,
  }));
  const verdict = issues.length === 0 ? "config.json is valid\n" : "";
  return formatIssues([...issues, ...marked], "text") + verdict;
}
