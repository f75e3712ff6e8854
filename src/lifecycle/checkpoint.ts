import { listProcesses } from "../cgroups/cgroup";
import { criuConfigFile } from "../checkpoint/config-file";
import { Criu } from "../checkpoint/criu";
import {
  type DumpedContainer,
  dumpOptions,
  isHandedOver,
  logPath,
  type OutsideNamespace,
} from "../checkpoint/criu-options";
import { assertParent, makeDirectories, openDirectories, writeStreams } from "../checkpoint/images";
import { withLog } from "../checkpoint/log";
import { nameStreams } from "../checkpoint/streams";
import { isErrno } from "../errors/describe";
import { RuntimeError } from "../errors/runtime-error";
import { closeFile, openFile, readLink, readText } from "../host/files";
import { parseMountRoots } from "../host/mounts";
import { isInUserNamespace } from "../host/user-namespace";
import { namespaceKinds } from "../spec/kernel-constants";
import type { ContainerRecord } from "../state/record";
import { readStatus } from "../state/status";
import { loadRecord } from "../state/store";
import { assertAllowed } from "./allowed";
import { deleteOwn } from "./delete";
import type { CheckpointRequest, RuntimeOptions } from "./requests";

/**
 * `checkpoint`: writes what is needed to restore the container. Afterwards it is deleted, unless it was to
 * be left running or only its memory was dumped. On failure it goes on as it was.
 */
export function checkpointContainer(runtime: RuntimeOptions, request: CheckpointRequest): void {
  const { stateRoot } = runtime;
  const record = loadRecord(stateRoot, request.id);
  assertAllowed("checkpoint", request.id, readStatus(stateRoot, record));
  assertRoot();
  if (record.tsoci.hostMount !== undefined) throw noMountNamespace();
  if (request.parentPath !== undefined) assertParent(request.imageDir, request.parentPath);
  assertStatusFd(runtime, request);
  makeDirectories(request, { searchable: hasOwnUserNamespace(runtime, record) });
  withLog(logPath(request, "dump"), () => dump(runtime, request, record));
  if (!request.leaveRunning && !request.preDump) deleteOwn(runtime, record, { kill: true });
}

const hasOwnUserNamespace = (
  { addon }: RuntimeOptions,
  { init_process_pid: pid }: ContainerRecord,
) => (addon.differingNamespaces({ pid }) & namespaceKinds.user.flag) !== 0;

/** CRIU writes into other processes, and makes them with any id: an ordinary user's may do neither. */
export function assertRoot(): void {
  const euid = process.geteuid?.() ?? 0;
  if (euid !== 0)
    throw new RuntimeError("CONFIG_UNSUPPORTED", `CRIU needs root, and the caller is uid ${euid}`);
  if (isInUserNamespace())
    throw new RuntimeError(
      "CONFIG_UNSUPPORTED",
      "CRIU needs root, and the caller is root of a user namespace only",
    );
}

export const noMountNamespace = () =>
  new RuntimeError(
    "CONFIG_UNSUPPORTED",
    "CRIU needs a container with a mount namespace of its own",
  );

function assertStatusFd({ launch }: RuntimeOptions, { statusFd }: CheckpointRequest): void {
  if (statusFd === undefined || launch.openFds?.includes(statusFd) !== false) return;
  throw new RuntimeError("USAGE", `--status-fd: descriptor ${statusFd} is not open in the caller`);
}

function dump(runtime: RuntimeOptions, request: CheckpointRequest, record: ContainerRecord): void {
  const container = describeContainer(runtime, record);
  if (!request.preDump) writeStreams(request.imageDir, container.streams);
  // CRIU has nothing to say but what is in its log.
  const nullFd = openFile("/dev/null", "readWrite");
  try {
    const start = { streams: [nullFd, nullFd, nullFd], fds: [] } as const;
    Criu.use(runtime, start, (criu) => ask(criu, request, container));
  } finally {
    closeFile(nullFd);
  }
}

function ask(criu: Criu, request: CheckpointRequest, container: DumpedContainer): void {
  const { preDump, lazyPages, statusFd } = request;
  if (preDump && !criu.has("memTrack"))
    throw missing("--pre-dump", "track changes of memory (CONFIG_MEM_SOFT_DIRTY)");
  if (lazyPages && !criu.has("lazyPages"))
    throw missing("--lazy-pages", "fetch pages on demand (userfaultfd)");
  const directories = openDirectories(request, criu.pid);
  let openStatusFd = statusFd;
  const closeStatus = () => {
    if (openStatusFd !== undefined) closeFile(openStatusFd);
    openStatusFd = undefined;
  };
  try {
    const options = dumpOptions(request, container, directories);
    // Once it tells of something CRIU has opened its own, and whoever reads waits for the end of all of them.
    criu.ask({ type: preDump ? "PRE_DUMP" : "DUMP", opts: options }, closeStatus);
  } finally {
    closeStatus();
    directories.close();
  }
}

const missing = (flag: string, ability: string) =>
  new RuntimeError("CRIU_FAILED", `${flag}: CRIU and this kernel cannot ${ability}`);

function describeContainer({ addon }: RuntimeOptions, record: ContainerRecord): DumpedContainer {
  const pid = record.init_process_pid;
  const { annotations, boundPaths, maskedPaths, joinedNamespaces } = record.tsoci;
  const mountRoots = parseMountRoots(readText(`/proc/${pid}/mountinfo`));
  /** Undefined for what has gone since. */
  const find = (path: string) => {
    try {
      return addon.pathInRoot({ pid, path });
    } catch (error) {
      if (isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR")) return undefined;
      throw error;
    }
  };
  return {
    pid,
    rootfs: record.config.rootfs,
    freezerDir: record.cgroup_paths.freezer ?? record.cgroup_paths[""],
    boundMounts: boundPaths.flatMap((name) => {
      const mountPoint = find(name);
      return mountPoint === undefined ? [] : [{ mountPoint, name }];
    }),
    // A directory is covered by a file system of the container's own, and that whole.
    maskedFiles: maskedPaths.flatMap((path) => {
      const mountPoint = find(path);
      if (mountPoint === undefined) return [];
      return (mountRoots.get(mountPoint) ?? "/") === "/" ? [] : [mountPoint];
    }),
    outsideNamespaces: joinedNamespaces.flatMap((type): OutsideNamespace[] => {
      if (!isHandedOver(type)) return [];
      // "net:[4026531840]"
      const name = readLink(`/proc/${pid}/ns/${namespaceKinds[type].file}`);
      return [{ type, inode: name.slice(name.indexOf("[") + 1, -1) }];
    }),
    streams: nameStreams(record.external_descriptors, pid, listProcesses(record.cgroup_paths)),
    configFile: criuConfigFile(annotations ?? {}),
  };
}
