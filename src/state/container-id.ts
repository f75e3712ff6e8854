import { RuntimeError } from "../errors/runtime-error";

/** An id names a directory below the state root, and a cgroup: NAME_MAX. */
const longest = 255;

// A string and not a regular expression: the first one makes the engine start a thread for its compiler.
const allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+.-";

// A loop: the engine compiles methods such as `every` from their source when they are first used.
function isAllowed(id: string): boolean {
  for (const character of id) if (!allowed.includes(character)) return false;
  return true;
}

/** Refuses an id that could not be, or would lead out of, a directory below the state root. */
export function assertContainerId(id: string): void {
  if (id === "") throw new RuntimeError("ID_INVALID", "container id cannot be empty");
  if (!isAllowed(id) || id === "." || id === "..") {
    throw new RuntimeError(
      "ID_INVALID",
      `invalid container ID format: ${JSON.stringify(id)}, expected letters, digits, "_", "+", "-" and "."`,
    );
  }
  if (id.length > longest) {
    throw new RuntimeError(
      "ID_INVALID",
      `invalid container ID format: ${id.length} characters, expected at most ${longest}`,
    );
  }
}
