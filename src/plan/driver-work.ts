import type { Hook } from "../generated/config";
import type { MountSource, ProcessContext } from "./context";
import { hasNamespace } from "./namespace-choice";
import { processLimits } from "./process";
import type { SeccompListener } from "./seccomp";

/** What only the driver can do: it has the host's rights and the host's view. */
export interface DriverWork {
  /** Text for the files of /proc/PID; undefined when the user namespace is not new. */
  readonly idMaps?: { readonly uidMap: string; readonly gidMap: string };
  /** Text for /proc/PID/timens_offsets, one clock a line. */
  readonly timeOffsets?: string;
  readonly oomScoreAdj?: number;
  /** Limits of a container with a user namespace, where init may not raise them. */
  readonly limits: readonly {
    readonly name: string;
    readonly resource: number;
    readonly soft: bigint;
    readonly hard: bigint;
  }[];
  readonly hostHooks: readonly {
    readonly kind: "prestart" | "createRuntime";
    readonly index: number;
    readonly hook: Hook;
  }[];
  readonly netDevices: readonly { readonly name: string; readonly newName: string }[];
  /** Whom the descriptor of seccomp notifications is for, if there are to be any. */
  readonly seccompListener?: SeccompListener;
  /** Whether init hands over the master of a terminal. */
  readonly console: boolean;
  /** Sources of bind mounts that init asks for, by the property of the step. */
  readonly mountSources: Readonly<Record<string, MountSource>>;
  /** Init mounts in the driver's own mount namespace, and what it mounts has to be taken away again. */
  readonly sharesMountNamespace: boolean;
}

export const noDriverWork: DriverWork = {
  limits: [],
  hostHooks: [],
  netDevices: [],
  console: false,
  mountSources: {},
  sharesMountNamespace: false,
};

/** What a process takes, be it a container's first or a further one. */
export function processWork({ config, namespaces, options }: ProcessContext): DriverWork {
  const { process } = config;
  const { seccomp } = options;
  return {
    ...(process?.oomScoreAdj === undefined ? {} : { oomScoreAdj: process.oomScoreAdj }),
    ...noDriverWork,
    limits: hasNamespace(namespaces, "user") ? processLimits(process) : [],
    ...(seccomp?.listener === undefined ? {} : { seccompListener: seccomp.listener }),
    console: process?.terminal === true,
  };
}
