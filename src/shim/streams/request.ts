import { RuntimeError } from "../../errors/runtime-error";

/** Where a process's streams are to lead, as containerd says it: an empty text is nowhere. */
export interface StreamRequest {
  /** Path of a fifo. */
  readonly stdin: string;
  /** Path of a fifo or file, or a URI. */
  readonly stdout: string;
  /** The same; with a URI as `stdout` it is not looked at. */
  readonly stderr: string;
  readonly terminal: boolean;
}

/** What is to become of what a process writes. */
export type Output =
  | { readonly kind: "paths"; readonly stdout: string; readonly stderr: string }
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "logger"; readonly path: string; readonly args: readonly string[] };

/** A scheme of its own says where both outputs go: containerd's docs/shim, "Logging". Throws USAGE. */
export function readOutput({ stdout, stderr }: StreamRequest): Output {
  if (!stdout.includes("://")) return { kind: "paths", stdout, stderr };
  const { protocol, path, searchParams } = parseUri(stdout);
  switch (protocol) {
    case "fifo:":
      return { kind: "paths", stdout: path, stderr: stderr.replace(/^fifo:\/\//, "") };
    case "file:":
      return { kind: "file", path };
    case "binary:":
      return { kind: "logger", path, args: argumentsIn(searchParams) };
    default:
      throw new RuntimeError(
        "USAGE",
        `stdout is ${JSON.stringify(stdout)}, expected a path, or a URI that begins with "fifo", "file" or "binary"`,
      );
  }
}

function parseUri(text: string) {
  try {
    const { protocol, pathname, searchParams } = new URL(text);
    return { protocol, path: decodeURIComponent(pathname), searchParams };
  } catch (cause) {
    throw new RuntimeError("USAGE", `stdout is ${JSON.stringify(text)}, expected a path or a URI`, {
      cause,
    });
  }
}

/** Each name of the query, followed by its first value if that is not empty. */
function argumentsIn(query: URLSearchParams): string[] {
  const names = [...new Set(query.keys())];
  return names.flatMap((name) => {
    const value = query.get(name) ?? "";
    return value === "" ? [name] : [name, value];
  });
}
