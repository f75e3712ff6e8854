import { readText, statusOf } from "../host/files";
import { ociVersion } from "../plan/oci-version";
import type { ContainerRecord } from "./record";
import type { Status } from "./status";
import { containerDir } from "./store";

/** What `state` prints: runtime.md#state, and what runc adds, in runc's order. */
export interface ContainerState {
  readonly ociVersion: string;
  readonly id: string;
  readonly pid: number;
  readonly status: Status;
  readonly bundle: string;
  readonly rootfs: string;
  /** RFC 3339. */
  readonly created: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Name of the user whose container it is; "" when the id has none. */
  readonly owner: string;
  /** There when the container has ended, and the kernel has killed a process of it for lack of memory. */
  readonly oomKilled?: true;
}

export function containerState(
  stateRoot: string,
  record: ContainerRecord,
  status: Status,
): ContainerState {
  const { annotations, bundle } = record.tsoci;
  return {
    ociVersion,
    id: record.id,
    pid: status === "stopped" ? 0 : record.init_process_pid,
    status,
    bundle,
    rootfs: record.config.rootfs,
    created: record.created,
    ...(annotations === undefined ? {} : { annotations }),
    owner: userName(statusOf(containerDir(stateRoot, record.id))?.uid),
    ...(status === "stopped" ? ended(record) : {}),
  };
}

function ended({ cgroup_paths }: ContainerRecord): { readonly oomKilled?: true } {
  const { hasOomKilled } = require("../cgroups/oom") as typeof import("../cgroups/oom");
  return hasOomKilled(cgroup_paths) ? { oomKilled: true } : {};
}

interface Named {
  readonly id: string;
  readonly bundle: string;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** runtime.md#state, and nothing else. */
function plainState({ id, bundle, annotations }: Named, pid: number, status: Status) {
  return {
    ociVersion,
    id,
    status,
    ...(status === "stopped" ? {} : { pid }),
    bundle,
    ...(annotations === undefined ? {} : { annotations }),
  };
}

/** What hooks of the driver read on their standard input. */
export const hookState = (container: Named, pid: number, status: Status): Uint8Array =>
  new TextEncoder().encode(JSON.stringify(plainState(container, pid, status)));

/**
 * What an agent gets with the descriptor of seccomp notifications: config-linux.md#containerprocessstate. Of
 * the first process it is sent by `start`, when the container is `created` and its program not yet executed.
 */
export function containerProcessState(
  container: Named,
  {
    initPid,
    pid,
    status,
  }: { readonly initPid: number; readonly pid: number; readonly status: Status },
  metadata: string | undefined,
): Uint8Array {
  const state = {
    ociVersion,
    fds: ["seccompFd"],
    pid,
    ...(metadata === undefined ? {} : { metadata }),
    state: plainState(container, initPid, status),
  };
  return new TextEncoder().encode(JSON.stringify(state));
}

/** passwd(5), by the third field. */
function userName(uid: number | undefined): string {
  try {
    const lines = readText("/etc/passwd").split("\n");
    const line = lines.find((entry) => entry.split(":")[2] === String(uid));
    return line?.split(":")[0] ?? "";
  } catch {
    // A host without /etc/passwd has no names; the state is no less true.
    return "";
  }
}
