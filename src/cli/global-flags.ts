import { type Flag, helpFlag } from "./flag";

/** The flags before the command. */
export const globalFlags = [
  {
    name: "root",
    kind: "string",
    placeholder: "dir",
    help: "directory that holds the state of containers (default: /run/tsoci, or $XDG_RUNTIME_DIR/tsoci when not root)",
  },
  {
    name: "log",
    kind: "string",
    placeholder: "file",
    help: "file to append errors, warnings and debug lines to (default: standard error)",
  },
  {
    name: "log-format",
    kind: "string",
    placeholder: "format",
    default: "text",
    choices: ["text", "json"],
    help: "form of what is logged",
  },
  { name: "debug", kind: "boolean", help: "log what is done and how long it took" },
  {
    name: "systemd-cgroup",
    kind: "boolean",
    help: 'make containers in units of systemd; the config\'s cgroupsPath is "slice:prefix:name" then',
  },
  {
    name: "cgroup-manager",
    kind: "string",
    placeholder: "manager",
    choices: ["cgroupfs", "systemd", "disabled"],
    help: "who makes cgroups; disabled: containers stay in their caller's, without device rules (default: cgroupfs, or systemd with --systemd-cgroup)",
  },
  {
    name: "rootless",
    kind: "string",
    placeholder: "mode",
    default: "auto",
    help: 'whether a container may do without cgroups that may not be made: "true", "false", or "auto", for who is not root',
  },
  {
    name: "version",
    short: "v",
    kind: "boolean",
    help: "print the version",
  },
  helpFlag,
] as const satisfies readonly Flag[];
