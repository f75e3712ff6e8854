import {
  type CriuSettings,
  cgroupModes,
  type EmptyNamespace,
  emptyNamespaces,
} from "../../checkpoint/criu-options";
import type { Surroundings } from "../command-line";
import type { Flag } from "../flag";
import type { FlagValues } from "../scan";
import { absolute, against } from "../values";

/** What checkpoint and restore have in common. Each word means to CRIU what criu(8) says of it. */
export const criuFlags = [
  {
    name: "image-path",
    kind: "string",
    placeholder: "dir",
    help: 'directory of the images (default: "checkpoint" in the working directory)',
  },
  {
    name: "work-path",
    kind: "string",
    placeholder: "dir",
    help: "directory for CRIU's log (default: that of the images)",
  },
  { name: "tcp-established", kind: "boolean", help: "keep open TCP connections" },
  {
    name: "tcp-close",
    kind: "boolean",
    help: "let open TCP connections be closed ones afterwards",
  },
  {
    name: "ext-unix-sk",
    kind: "boolean",
    help: "allow UNIX sockets that are connected to the outside",
  },
  { name: "shell-job", kind: "boolean", help: "allow a terminal that is the caller's" },
  { name: "file-locks", kind: "boolean", help: "keep locks of files" },
  {
    name: "manage-cgroups-mode",
    kind: "string",
    placeholder: "mode",
    choices: Object.keys(cgroupModes),
    help: "how cgroups inside the container's own are kept",
  },
  {
    name: "empty-ns",
    kind: "string",
    placeholder: "type",
    choices: emptyNamespaces,
    repeatable: true,
    help: "restore the namespace of this type without what was in it",
  },
  { name: "auto-dedup", kind: "boolean", help: "free pages of the images that are there twice" },
] as const satisfies readonly Flag[];

export function criuSettings(
  values: FlagValues<(typeof criuFlags)[number]["name"] | "lazy-pages">,
  surroundings: Surroundings,
): CriuSettings {
  const mode = values.text("manage-cgroups-mode") as keyof typeof cgroupModes | undefined;
  return {
    imageDir: against(surroundings, values.text("image-path") || "checkpoint"),
    ...absolute("workDir", values.text("work-path"), surroundings),
    tcpEstablished: values.isSet("tcp-established"),
    tcpClose: values.isSet("tcp-close"),
    externalUnixSockets: values.isSet("ext-unix-sk"),
    shellJob: values.isSet("shell-job"),
    fileLocks: values.isSet("file-locks"),
    lazyPages: values.isSet("lazy-pages"),
    autoDedup: values.isSet("auto-dedup"),
    ...(mode === undefined ? {} : { manageCgroupsMode: mode }),
    emptyNamespaces: values.all("empty-ns") as readonly EmptyNamespace[],
  };
}
