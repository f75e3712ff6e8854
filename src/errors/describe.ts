/** The chain of an error's causes as one line, outermost first. */
export function describeError(error: unknown): string {
  const links: string[] = [];
  for (let link = error; link !== undefined; link = isErrorLike(link) ? link.cause : undefined) {
    const text = isErrorLike(link) ? ownMessage(link.message) : String(link);
    if (text !== "" && links.at(-1) !== text) links.push(text);
  }
  // A message is one line whatever a config or the kernel put into it.
  return links.join(": ").replace(/[\r\n]+/g, " ");
}

/** Whether a system call ended with this errno, as "ENOENT". */
export function isErrno(error: unknown, code: string): boolean {
  return isErrorLike(error) && error.code === code;
}

/** By its shape: an error of another realm, such as a test's sandbox, is no `instanceof` ours. */
function isErrorLike(
  value: unknown,
): value is { readonly message: string; readonly cause?: unknown; readonly code?: unknown } {
  return (
    typeof value === "object" &&
    value !== null &&
    "message" in value &&
    typeof value.message === "string"
  );
}

/** The engine words a failed system call as "ENOENT: no such file or directory, open '/x'". */
function ownMessage(message: string): string {
  const match = /^(E[A-Z0-9]+): (.+?), (\w+)(?: '(.*)')?$/s.exec(message);
  if (match === null) return message;
  const [, code, text, syscall, path] = match;
  return `${syscall}${path === undefined ? "" : ` "${path}"`}: ${text} (${code})`;
}

/** Whether a file of a cgroup is not there any more, or its cgroup was removed while it was open. */
export const isGone = (error: unknown): boolean =>
  isErrno(error, "ENOENT") || isErrno(error, "ENODEV");
