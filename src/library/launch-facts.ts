import { isThere, readText } from "../host/files";
import type { LaunchFacts } from "../host/launch-facts";

/**
 * What a service manager means for the process that it started, which is the program that uses the library
 * and not its containers: sd_notify(3), sd_listen_fds(3). `start` would wait for a message, and a container
 * would get the program's sockets.
 */
const forTheProgram: ReadonlySet<string> = new Set([
  "NOTIFY_SOCKET",
  "LISTEN_FDS",
  "LISTEN_PID",
  "LISTEN_FDNAMES",
]);

/** There is no launcher in front of a library: the caller is the process itself. */
export function libraryLaunchFacts(env: Readonly<Record<string, string | undefined>>): LaunchFacts {
  const environment: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && !forTheProgram.has(name)) environment[name] = value;
  }
  return { environment, variable: (name) => environment[name], invokedAs: "tsoci" };
}

const closeOnExec = 0o2000000;

/** proc_pid_fdinfo(5); the value is octal. */
const flagsLabel = "flags:";

/**
 * Those of the first `count` descriptors from 3 on that this process was started with. The engine opens its
 * own close-on-exec, and what came through an execve cannot be that.
 */
export function inheritedFrom3(count: number): number[] {
  return Array.from({ length: count }, (_, index) => 3 + index).filter(isInherited);
}

function isInherited(fd: number): boolean {
  if (!isThere(`/proc/self/fd/${fd}`)) return false;
  const lines = readText(`/proc/self/fdinfo/${fd}`).split("\n");
  const flags = lines.find((line) => line.startsWith(flagsLabel))?.slice(flagsLabel.length) ?? "";
  return (Number.parseInt(flags.trim(), 8) & closeOnExec) === 0;
}
