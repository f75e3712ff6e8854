import { RuntimeError } from "../../errors/runtime-error";
import type { Mount } from "../../generated/shim/types";
import { checkpointContainer } from "../../lifecycle/checkpoint";
import { deleteContainer } from "../../lifecycle/delete";
import { startProcess } from "../../lifecycle/exec";
import { killContainer } from "../../lifecycle/kill";
import { type MadeContainer, makeContainer } from "../../lifecycle/make-container";
import { pauseContainer, resumeContainer } from "../../lifecycle/pause";
import { listContainerProcesses } from "../../lifecycle/processes";
import type {
  CheckpointRequest,
  CreateRequest,
  KillRequest,
  RestoreRequest,
  RuntimeOptions,
  Streams,
} from "../../lifecycle/requests";
import { makeRestored } from "../../lifecycle/restore";
import { startContainer } from "../../lifecycle/start";
import { updateContainer } from "../../lifecycle/update";
import { parseResources } from "../../spec/parse-resources";
import { summarizeIssues } from "../../spec/report";
import { loadRecord } from "../../state/store";
import { Trace } from "../../trace/trace";
import { encodedStats } from "../metrics";
import { mountRootfs, unmountRootfs } from "../rootfs-mounts";

/** What of a new container the shim keeps. Descriptors are the process's, whichever thread opened them. */
export interface CreatedContainer {
  readonly pid: number;
  /** The shim closes both. */
  readonly pidfd: number;
  /** -1 without a terminal. */
  readonly masterFd: number;
  /** Without one, its other processes do not end with the first. */
  readonly ownPidNamespace: boolean;
  readonly cgroupPaths: Readonly<Record<string, string>>;
}

/** A container whose root file system containerd has mounted by us. */
interface MountedRootfs {
  readonly mounts: readonly Mount[];
  readonly rootfsDir: string;
}

/**
 * What the shim does to containers: the operations that the commands do, by name, for a thread that may block.
 * Requests and answers travel between threads: no functions in them.
 */
export const operations = {
  create(
    runtime: RuntimeOptions,
    { request, mounts, rootfsDir }: MountedRootfs & { readonly request: CreateRequest },
  ): CreatedContainer {
    return onRootfs(runtime, { mounts, rootfsDir }, () =>
      describe(makeContainer(runtime, request, { attached: false }, untraced(runtime))),
    );
  },

  restore(
    runtime: RuntimeOptions,
    { request, mounts, rootfsDir }: MountedRootfs & { readonly request: RestoreRequest },
  ): CreatedContainer {
    return onRootfs(runtime, { mounts, rootfsDir }, () => describe(makeRestored(runtime, request)));
  },

  start(runtime: RuntimeOptions, { id }: { readonly id: string }): void {
    startContainer(runtime, { id });
  },

  exec(
    runtime: RuntimeOptions,
    request: { readonly id: string; readonly processText: string; readonly streams: Streams },
  ) {
    return startProcess(runtime, { ...request, ...plainExec });
  },

  kill(runtime: RuntimeOptions, request: KillRequest): void {
    killContainer(runtime, request);
  },

  pause(runtime: RuntimeOptions, { id }: { readonly id: string }): void {
    pauseContainer(runtime, id);
  },

  resume(runtime: RuntimeOptions, { id }: { readonly id: string }): void {
    resumeContainer(runtime, id);
  },

  processes(runtime: RuntimeOptions, { id }: { readonly id: string }): number[] {
    return listContainerProcesses(runtime, id);
  },

  /** An encoded message, and the kind of it. */
  stats(runtime: RuntimeOptions, { id }: { readonly id: string }) {
    const stats = encodedStats(loadRecord(runtime.stateRoot, id).cgroup_paths);
    if (stats !== undefined) return stats;
    throw new RuntimeError(
      "CONTAINER_UNKNOWN",
      "the container has no cgroup that counts: not found",
    );
  },

  update(
    runtime: RuntimeOptions,
    { id, resourcesText }: { readonly id: string; readonly resourcesText: string },
  ): void {
    const parsed = parseResources(resourcesText);
    if (!parsed.ok) {
      throw new RuntimeError("CONFIG_INVALID", summarizeIssues(parsed.issues, "resources"));
    }
    updateContainer(runtime, id, parsed.resources);
  },

  checkpoint(runtime: RuntimeOptions, request: CheckpointRequest): void {
    checkpointContainer(runtime, request);
  },

  delete(
    runtime: RuntimeOptions,
    request: { readonly id: string; readonly force: boolean; readonly rootfsDir: string },
  ): void {
    try {
      deleteContainer(runtime, request);
    } catch (error) {
      // With a checkpoint that ends it a container is gone, and one that was to be restored may never have been.
      if (!(error instanceof RuntimeError && error.code === "CONTAINER_UNKNOWN")) throw error;
    }
    unmountRootfs(runtime.addon, request.rootfsDir);
  },
};

const plainExec = {
  changes: {
    ...{ args: [], env: [], additionalGids: [], capabilities: [] },
    ...{ terminal: false, noNewPrivileges: false },
  },
  detach: true,
  preserveFds: 0,
  ignorePaused: false,
  cgroups: [],
} as const;

const untraced = ({ addon }: RuntimeOptions) => new Trace(addon, undefined);

function onRootfs<Made>(
  { addon }: RuntimeOptions,
  { mounts, rootfsDir }: MountedRootfs,
  make: () => Made,
): Made {
  mountRootfs(addon, mounts, rootfsDir);
  try {
    return make();
  } catch (error) {
    unmountRootfs(addon, rootfsDir);
    throw error;
  }
}

function describe({ record, pidfd, masterFd }: MadeContainer): CreatedContainer {
  return {
    pid: record.init_process_pid,
    pidfd,
    masterFd,
    ownPidNamespace: record.tsoci.ownPidNamespace,
    cgroupPaths: record.cgroup_paths,
  };
}
