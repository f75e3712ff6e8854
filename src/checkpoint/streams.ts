import { isErrno } from "../errors/describe";
import { RuntimeError } from "../errors/runtime-error";
import { listDirectory, readLink, readText } from "../host/files";
import { parseMountIds } from "../host/mounts";

/** Loaded here: the only ones who ask for an inode or a kind are those who call CRIU, which takes longer. */
const loadFs = () => require("node:fs") as typeof import("node:fs");

const pipePrefix = "pipe:";
const filePrefix = "file[";

/** Whether CRIU knows a stream by that name as one from outside, and takes another for it. */
export const isFromOutside = (name: string) =>
  name.startsWith(pipePrefix) || isFileFromOutside(name);

/** A fifo or file of the host; CRIU looks for it in no mount of the container. */
export const isFileFromOutside = (name: string) => name.startsWith(filePrefix);

/**
 * What CRIU calls the streams that a container began with. `links` has what /proc/[pid]/fd shows of them. A fifo or
 * file that is open and in no mount of the container, whose init has `initPid`, is named as criu(8) has it,
 * `file[MNT_ID:INODE]`, in hexadecimal. The others keep their names.
 */
export function nameStreams(
  links: readonly string[],
  initPid: number,
  pids: readonly number[],
): string[] {
  const paths = new Set(links.filter((link) => link.startsWith("/")).map(withoutMark));
  if (paths.size === 0) return [...links];
  const ownMounts = parseMountIds(readText(`/proc/${initPid}/mountinfo`));
  const names = new Map<string, string>();
  // The program may have given its streams away, and those to whom it did may have them at other numbers.
  for (const pid of [initPid, ...pids]) {
    for (const { name: fd } of listOpen(pid)) {
      if (names.size === paths.size) break;
      const seen = lookAt(pid, fd, paths, ownMounts);
      if (seen !== undefined) names.set(seen.path, seen.name);
    }
  }
  return links.map((link) => names.get(withoutMark(link)) ?? link);
}

/** What the kernel appends to the path of a file that was removed: proc(5). */
const removedMark = " (deleted)";
const withoutMark = (path: string) =>
  path.endsWith(removedMark) ? path.slice(0, -removedMark.length) : path;

const listOpen = (pid: number) => unlessGone(() => listDirectory(`/proc/${pid}/fd`)) ?? [];

function lookAt(
  pid: number,
  fd: string,
  paths: ReadonlySet<string>,
  ownMounts: ReadonlySet<number>,
): { readonly path: string; readonly name: string } | undefined {
  return unlessGone(() => {
    const path = withoutMark(readLink(`/proc/${pid}/fd/${fd}`));
    if (!paths.has(path)) return undefined;
    const mountId = readMountId(pid, fd);
    // A file of the container may have the same path.
    if (mountId === undefined || ownMounts.has(mountId)) return undefined;
    const status = loadFs().statSync(`/proc/${pid}/fd/${fd}`, { bigint: true });
    if (!status.isFIFO() && !status.isFile()) return undefined;
    return { path, name: `${filePrefix}${mountId.toString(16)}:${status.ino.toString(16)}]` };
  });
}

/** proc(5), /proc/[pid]/fdinfo. */
function readMountId(pid: number, fd: string): number | undefined {
  const mark = "mnt_id:";
  const line = readText(`/proc/${pid}/fdinfo/${fd}`)
    .split("\n")
    .find((entry) => entry.startsWith(mark));
  return line === undefined ? undefined : Number(line.slice(mark.length));
}

/** Processes end and close what they have while they are looked at. */
function unlessGone<Result>(look: () => Result): Result | undefined {
  try {
    return look();
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "ESRCH")) return undefined;
    throw error;
  }
}

const streamNames = ["standard input", "standard output", "standard error"] as const;

/**
 * CRIU opens what it takes for a fifo or file anew, as the kind that it was. Throws CRIU_FAILED for what can be
 * neither; `fds` are the streams of the restored container, `names` those of the checkpoint.
 */
export function assertRestorableStreams(names: readonly string[], fds: readonly number[]): void {
  for (const [index, fd] of fds.entries()) {
    if (!isFileFromOutside(names[index] ?? "")) continue;
    const status = loadFs().fstatSync(fd);
    if (status.isFIFO() || status.isFile()) continue;
    const found = readLink(`/proc/self/fd/${fd}`);
    throw new RuntimeError(
      "CRIU_FAILED",
      `${streamNames[index]} was a fifo or file of the host, and must be one again; it is "${found}"`,
    );
  }
}
