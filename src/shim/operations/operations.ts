import { RuntimeError } from "../../errors/runtime-error";
import type { Any } from "../../generated/shim/any";
import type { Mount } from "../../generated/shim/types";
import { type MadeContainer, makeContainer } from "../../lifecycle/make-container";
import type {
  CheckpointRequest,
  CreateRequest,
  KillRequest,
  RestoreRequest,
  RuntimeOptions,
  Streams,
} from "../../lifecycle/requests";
import { startContainer } from "../../lifecycle/start";
import { Trace } from "../../trace/trace";
import { mountRootfs, unmountRootfs } from "../rootfs-mounts";

/** Loaded here: a new container waits for its thread to be loaded, and for none of these. */
const load = {
  checkpoint: () =>
    require("../../lifecycle/checkpoint") as typeof import("../../lifecycle/checkpoint"),
  delete: () => require("../../lifecycle/delete") as typeof import("../../lifecycle/delete"),
  exec: () => require("../../lifecycle/exec") as typeof import("../../lifecycle/exec"),
  kill: () => require("../../lifecycle/kill") as typeof import("../../lifecycle/kill"),
  pause: () => require("../../lifecycle/pause") as typeof import("../../lifecycle/pause"),
  processes: () =>
    require("../../lifecycle/processes") as typeof import("../../lifecycle/processes"),
  resources: () => require("./update-resources") as typeof import("./update-resources"),
  restore: () => require("../../lifecycle/restore") as typeof import("../../lifecycle/restore"),
  stats: () => require("./read-stats") as typeof import("./read-stats"),
};

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
    return onRootfs(runtime, { mounts, rootfsDir }, () =>
      describe(load.restore().makeRestored(runtime, request)),
    );
  },

  start(runtime: RuntimeOptions, { id }: { readonly id: string }): void {
    startContainer(runtime, { id });
  },

  exec(
    runtime: RuntimeOptions,
    request: { readonly id: string; readonly processText: string; readonly streams: Streams },
  ) {
    return load.exec().startProcess(runtime, { ...request, ...plainExec });
  },

  kill(runtime: RuntimeOptions, request: KillRequest): void {
    load.kill().killContainer(runtime, request);
  },

  pause(runtime: RuntimeOptions, { id }: { readonly id: string }): void {
    load.pause().pauseContainer(runtime, id);
  },

  resume(runtime: RuntimeOptions, { id }: { readonly id: string }): void {
    load.pause().resumeContainer(runtime, id);
  },

  processes(runtime: RuntimeOptions, { id }: { readonly id: string }): number[] {
    return load.processes().listContainerProcesses(runtime, id);
  },

  /** An encoded message, and the kind of it. */
  stats(runtime: RuntimeOptions, { id }: { readonly id: string }): Any {
    return load.stats().readStats(runtime, id);
  },

  update(
    runtime: RuntimeOptions,
    { id, resourcesText }: { readonly id: string; readonly resourcesText: string },
  ): void {
    load.resources().updateResources(runtime, id, resourcesText);
  },

  checkpoint(runtime: RuntimeOptions, request: CheckpointRequest): void {
    load.checkpoint().checkpointContainer(runtime, request);
  },

  delete(
    runtime: RuntimeOptions,
    request: { readonly id: string; readonly force: boolean; readonly rootfsDir: string },
  ): void {
    try {
      load.delete().deleteContainer(runtime, request);
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
