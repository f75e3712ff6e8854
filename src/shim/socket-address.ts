import { createHash } from "node:crypto";
import { RuntimeError } from "../errors/runtime-error";
import { cleanPath } from "../spec/paths";

/** Where shims have their sockets, whatever containerd's own directories are. */
const defaultSocketDir = "/run/containerd/s";

/** sizeof(sun_path), unix(7), without the NUL at its end. */
const longestPathBytes = 107;

/**
 * A shim of ours and one of runc's must not take each other's sockets: containers of one pod may have
 * different runtimes, and a socket that answers is taken for the shim of that group.
 */
const runtimeName = "io.containerd.tsoci.v2";

/** What a container may say of the group whose shim it wants to share, the first that is there. */
const groupAnnotations = ["io.containerd.runc.v2.group", "io.kubernetes.cri.sandbox-id"];

/** The group of a container, by the annotations of its config.json: its own id when it is in none. */
export function groupOf(
  id: string,
  annotations: Readonly<Record<string, string>> | undefined,
): string {
  for (const name of groupAnnotations) {
    const group =
      annotations !== undefined && Object.hasOwn(annotations, name) ? annotations[name] : undefined;
    if (group !== undefined && group !== "") return group;
  }
  return id;
}

/** The socket of a group's shim: one for each group, namespace and containerd. */
export function socketPathOf(place: {
  readonly grpcAddress: string;
  readonly namespace: string;
  readonly group: string;
  readonly socketDir?: string | undefined;
}): string {
  // A list in JSON: joined by slashes, parts with slashes in them could be those of another list.
  const parts = [runtimeName, place.grpcAddress, place.namespace, place.group];
  const name = createHash("sha256").update(JSON.stringify(parts)).digest("hex");
  const path = cleanPath(`${place.socketDir ?? defaultSocketDir}/${name}`);
  const bytes = Buffer.byteLength(path);
  if (bytes > longestPathBytes) {
    const expected = `expected at most ${longestPathBytes}`;
    throw new RuntimeError("USAGE", `the socket's path "${path}" has ${bytes} bytes, ${expected}`);
  }
  return path;
}
