import { RuntimeError } from "../../errors/runtime-error";
import { execProcess } from "../../lifecycle/exec";
import { defineCommand } from "../define-command";
import { quoted } from "../quoted";
import { absolute, checkedId } from "../values";
import { traceFlag } from "./creation";

/** runc's, so that a caller can tell it from the program's own status. */
const failureStatus = 255;

export const exec = defineCommand({
  positionals: "<container-id> <command> [command options] | --process <file> <container-id>",
  least: 1,
  most: Number.POSITIVE_INFINITY,
  flagsAnywhere: false,
  failureStatus,
  summary: "run a further process in a container",
  description:
    "The process is the container's own with another command and what the flags change, or what a file says. Exits as the process does, and with 255 if it cannot be run.",
  flags: [
    {
      name: "process",
      short: "p",
      kind: "string",
      placeholder: "file",
      help: 'file with the "process" object of a config.json',
    },
    { name: "cwd", kind: "string", placeholder: "dir", help: "working directory in the container" },
    {
      name: "env",
      short: "e",
      kind: "string",
      repeatable: true,
      placeholder: "name=value",
      help: "environment variable to add; may be given several times",
    },
    {
      name: "tty",
      short: "t",
      kind: "boolean",
      help: "give the process a terminal",
    },
    {
      name: "user",
      short: "u",
      kind: "string",
      placeholder: "uid[:gid]",
      help: "numbers of the user and its group",
    },
    {
      name: "additional-gids",
      short: "g",
      kind: "string",
      repeatable: true,
      placeholder: "gid",
      help: "number of a further group; may be given several times",
    },
    {
      name: "detach",
      short: "d",
      kind: "boolean",
      help: "return once the process runs",
    },
    {
      name: "pid-file",
      kind: "string",
      placeholder: "file",
      help: "file to write the process's id to",
    },
    {
      name: "console-socket",
      kind: "string",
      placeholder: "socket",
      help: "AF_UNIX socket that receives the master of the process's terminal",
    },
    {
      name: "pidfd-socket",
      kind: "string",
      placeholder: "socket",
      help: "AF_UNIX socket that receives a pidfd of the process",
    },
    {
      name: "process-label",
      kind: "string",
      placeholder: "label",
      help: "SELinux label of the process",
    },
    {
      name: "apparmor",
      kind: "string",
      placeholder: "profile",
      help: "AppArmor profile of the process",
    },
    {
      name: "no-new-privs",
      kind: "boolean",
      help: "let no execve add privileges",
    },
    {
      name: "cap",
      short: "c",
      kind: "string",
      repeatable: true,
      placeholder: "capability",
      help: "capability to add; may be given several times",
    },
    {
      name: "preserve-fds",
      kind: "count",
      placeholder: "n",
      default: "0",
      help: "pass on n descriptors beside the standard streams",
    },
    {
      name: "cgroup",
      kind: "string",
      repeatable: true,
      placeholder: "[controller[,...]:]path",
      help: "cgroup below the container's to be in; may be given several times, for different controllers",
    },
    {
      name: "ignore-paused",
      kind: "boolean",
      help: "go into a paused container, and run once it is resumed",
    },
    {
      name: "no-subreaper",
      kind: "boolean",
      help: "has no effect: exec adopts no process",
      hidden: true,
    },
    traceFlag,
  ],
  read(values, [id, ...args], surroundings) {
    const processFile = values.text("process");
    checkedId(id);
    if (!processFile && args.length === 0) throw refused("process args cannot be empty");
    if (processFile && args.length > 0) {
      throw refused(`the command is given twice: by --process and as ${quoted(args.join(" "))}`);
    }
    return {
      id,
      ...absolute("processFile", processFile, surroundings),
      changes: {
        args,
        env: values.all("env").map(checkedVariable),
        ...workingDirectory(values.text("cwd")),
        terminal: values.isSet("tty"),
        ...userOf(values.text("user")),
        additionalGids: values
          .all("additional-gids")
          .map((gid) => checkedNumber("additional-gids", gid)),
        capabilities: values.all("cap").map(capabilityName),
        noNewPrivileges: values.isSet("no-new-privs"),
        ...named("apparmorProfile", values.text("apparmor")),
        ...named("selinuxLabel", values.text("process-label")),
      },
      detach: values.isSet("detach"),
      ...absolute("pidFile", values.text("pid-file"), surroundings),
      ...absolute("consoleSocket", values.text("console-socket"), surroundings),
      ...absolute("pidfdSocket", values.text("pidfd-socket"), surroundings),
      preserveFds: values.count("preserve-fds"),
      ignorePaused: values.isSet("ignore-paused"),
      cgroups: values.all("cgroup").map(subCgroup),
      ...absolute("traceFile", values.text("trace"), surroundings),
    };
  },
  run: (request, { runtime }) => execProcess(runtime, request),
});

/** The command line is one of ours, and the process that it describes cannot be: no help would tell why. */
const refused = (message: string) => new RuntimeError("USAGE", message);

function named<Key extends string>(
  key: Key,
  value: string | undefined,
): { readonly [K in Key]?: string } {
  return value ? ({ [key]: value } as { [K in Key]: string }) : {};
}

function workingDirectory(cwd: string | undefined): { readonly cwd?: string } {
  if (!cwd) return {};
  if (!cwd.startsWith("/")) throw refused(`--cwd is ${quoted(cwd)}, expected an absolute path`);
  return { cwd };
}

function checkedVariable(variable: string): string {
  if (variable.indexOf("=") > 0) return variable;
  throw refused(`--env is ${quoted(variable)}, expected NAME=VALUE`);
}

/** The largest id; one more stands for no change. */
const largestId = 0xffff_fffe;

function checkedNumber(flag: string, text: string): number {
  const number = Number(text);
  const isId = Number.isInteger(number) && number >= 0 && number <= largestId;
  if (isId && String(number) === text) return number;
  throw refused(`--${flag} is ${quoted(text)}, expected a number`);
}

function userOf(user: string | undefined): { readonly uid?: number; readonly gid?: number } {
  if (!user) return {};
  const colon = user.indexOf(":");
  if (colon < 0) return { uid: checkedNumber("user", user) };
  return {
    uid: checkedNumber("user", user.slice(0, colon)),
    gid: checkedNumber("user", user.slice(colon + 1)),
  };
}

/** Callers write them with and without the prefix, and in small letters. */
function capabilityName(name: string): string {
  const upper = name.toUpperCase();
  return upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
}

function subCgroup(value: string): { controllers: readonly string[]; path: string } {
  const colon = value.indexOf(":");
  if (colon < 0) return { controllers: [], path: value };
  return { controllers: value.slice(0, colon).split(","), path: value.slice(colon + 1) };
}
