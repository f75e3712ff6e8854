import { readlinkSync, statSync } from "node:fs";
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

/**
 * Those of the first `count` descriptors from 3 on that this process was started with. The engine takes the
 * lowest free number for each of its own, and the first of them is its event loop's, in Node and in Bun.
 */
export function inheritedFrom3(count: number): number[] {
  const inherited: number[] = [];
  for (let fd = 3; fd < 3 + count && isOpen(fd) && !isEventLoop(fd); fd += 1) inherited.push(fd);
  return inherited;
}

const isOpen = (fd: number) =>
  statSync(`/proc/self/fd/${fd}`, { throwIfNoEntry: false }) !== undefined;
const isEventLoop = (fd: number) =>
  readlinkSync(`/proc/self/fd/${fd}`) === "anon_inode:[eventpoll]";
