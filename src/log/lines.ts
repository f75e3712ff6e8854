/** The two forms of runc's log (logrus), which containerd, podman and cri-o read. */
export type LogFormat = "text" | "json";
export type LogLevel = "debug" | "warning" | "error";
export type LogFields = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** One line, with its end. `level`, `msg` and `time` stand in the places that callers know. */
export function formatLogLine(
  format: LogFormat,
  level: LogLevel,
  message: string,
  fields: LogFields = {},
): string {
  const time = timestamp();
  if (format === "json") return `${JSON.stringify({ level, msg: message, time, ...fields })}\n`;
  const rest = Object.entries(fields).map(([key, value]) => ` ${key}=${quoted(String(value))}`);
  return `time="${time}" level=${level} msg=${quoted(message)}${rest.join("")}\n`;
}

/** RFC 3339, to the second, in UTC. */
export function timestamp(): string {
  return `${new Date().toISOString().slice(0, 19)}Z`;
}

/** A word stands bare, as in logrus; everything else is quoted, so that a line stays a line. */
function quoted(text: string): string {
  return /^[A-Za-z0-9._/@^+-]+$/.test(text) ? text : JSON.stringify(text);
}
