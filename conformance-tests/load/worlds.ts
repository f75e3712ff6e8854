import type { Background } from "../support/background";

type Start = (program: string, args: readonly string[]) => Background;

/**
 * A mount namespace of its own, as a line of shell has made it, that stays until the test ends. Returns what
 * stands before the runtime's name to have it called in there.
 */
export async function worldOf(start: Start, line: string): Promise<readonly string[]> {
  const shell = `${line} && echo ready && exec sleep 600`;
  const world = start("unshare", ["--mount", "--propagation", "private", "sh", "-ec", shell]);
  await world.until("the world", (stdout) => stdout === "ready\n");
  return ["nsenter", `--mount=/proc/${world.pid}/ns/mnt`, "--"];
}

/** What stands before the runtime's name to have it begin in a cgroup, given by its directory. */
export const within = (cgroupDir: string): readonly string[] => [
  "sh",
  "-c",
  `echo $$ >${cgroupDir}/cgroup.procs && exec "$@"`,
  "sh",
];
