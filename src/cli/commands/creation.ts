import type { CreateRequest } from "../../lifecycle/requests";
import type { Surroundings } from "../command-line";
import type { Flag } from "../flag";
import type { FlagValues } from "../scan";
import { absolute, against, checkedId } from "../values";

export const bundleFlag = {
  name: "bundle",
  short: "b",
  kind: "string",
  placeholder: "dir",
  help: "directory with config.json (default: the working directory)",
} as const satisfies Flag;

export const traceFlag = {
  name: "trace",
  kind: "string",
  placeholder: "file",
  help: "write the time that each step took, in Chrome's trace format",
} as const satisfies Flag;

/** What create and run have in common. */
export const creationFlags = [
  bundleFlag,
  {
    name: "console-socket",
    kind: "string",
    placeholder: "socket",
    help: "AF_UNIX socket that receives the master of the container's terminal; a relative path starts at the bundle",
  },
  {
    name: "pidfd-socket",
    kind: "string",
    placeholder: "socket",
    help: "AF_UNIX socket that receives a pidfd of the container's init; a relative path starts at the bundle",
  },
  {
    name: "pid-file",
    kind: "string",
    placeholder: "file",
    help: "file to write init's process id to",
  },
  {
    name: "no-pivot",
    kind: "boolean",
    help: "enter the rootfs without pivot_root, for hosts whose root is a ramdisk",
  },
  {
    name: "no-new-keyring",
    kind: "boolean",
    help: "leave the container in the caller's session keyring",
  },
  {
    name: "preserve-fds",
    kind: "count",
    placeholder: "n",
    default: "0",
    help: "pass on n more descriptors than standard streams and $LISTEN_FDS",
  },
  traceFlag,
] as const satisfies readonly Flag[];

export function creationRequest(
  id: string,
  values: FlagValues<(typeof creationFlags)[number]["name"]>,
  surroundings: Surroundings,
): CreateRequest {
  const bundleDir = against(surroundings, values.text("bundle") ?? ".");
  const bundle = { cwd: bundleDir };
  return {
    id: checkedId(id),
    bundleDir,
    // runc and crun change to the bundle before they connect, and to the pid file before that.
    ...absolute("consoleSocket", values.text("console-socket"), bundle),
    ...absolute("pidfdSocket", values.text("pidfd-socket"), bundle),
    ...absolute("pidFile", values.text("pid-file"), surroundings),
    ...absolute("traceFile", values.text("trace"), surroundings),
    pivot: !values.isSet("no-pivot"),
    newKeyring: !values.isSet("no-new-keyring"),
    preserveFds: values.count("preserve-fds"),
  };
}
