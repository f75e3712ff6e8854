import type { Config, Hook } from "../generated/config";
import { type DescriptorRequest, PlanContext, type PlannedStep, type PlanOptions } from "./context";
import type { HostFacts } from "./host-facts";
import { idMapText } from "./id-maps";
import { type MountSource, mountSourceOf, mountsOf } from "./mounts";
import { hasNamespace } from "./namespace-choice";
import { firstCloneFlags } from "./namespaces";
import { order, type Section } from "./order";
import { processLimits } from "./process";
import type { SeccompListener } from "./seccomp";

/** Everything that making a container takes, decided: what init does, and what the driver does for it. */
export interface ContainerPlan {
  readonly steps: readonly PlannedStep[];
  /** Descriptors that steps name by their place here. */
  readonly descriptors: readonly DescriptorRequest[];
  /** CLONE_NEW* of the first clone. */
  readonly cloneFlags: number;
  readonly driver: DriverWork;
}

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

/** Decides how a container is made. Pure: the same input gives the same plan, and nothing is touched. */
export function planContainer(
  config: Config,
  facts: HostFacts,
  options: PlanOptions,
  sections: readonly Section[] = order,
): ContainerPlan {
  const context = new PlanContext(config, facts, options);
  const steps = sections.flatMap((section) => section.plan(context));
  return {
    steps,
    descriptors: context.descriptors,
    cloneFlags: firstCloneFlags(context.namespaces),
    driver: planDriverWork(context),
  };
}

function planDriverWork(context: PlanContext): DriverWork {
  const { process, linux, hooks } = context.config;
  const choice = context.namespaces;
  const { seccomp } = context.options;
  const newUserNamespace = choice.created.has("user");
  const timeOffsets = Object.entries(linux?.timeOffsets ?? {})
    .map(([clock, offset]) => `${clock} ${offset?.secs ?? 0} ${offset?.nanosecs ?? 0}\n`)
    .join("");
  return {
    ...(newUserNamespace
      ? {
          idMaps: {
            uidMap: idMapText(linux?.uidMappings ?? []),
            gidMap: idMapText(linux?.gidMappings ?? []),
          },
        }
      : {}),
    ...(timeOffsets === "" ? {} : { timeOffsets }),
    ...(process?.oomScoreAdj === undefined ? {} : { oomScoreAdj: process.oomScoreAdj }),
    limits: hasNamespace(choice, "user") ? processLimits(process) : [],
    hostHooks: (["prestart", "createRuntime"] as const).flatMap((kind) =>
      (hooks?.[kind] ?? []).map((hook, index) => ({ kind, index, hook })),
    ),
    netDevices: Object.entries(linux?.netDevices ?? {}).map(([name, device]) => ({
      name,
      newName: device.name === undefined || device.name === "" ? name : device.name,
    })),
    ...(seccomp?.listener === undefined ? {} : { seccompListener: seccomp.listener }),
    console: process?.terminal === true,
    mountSources: hasNamespace(choice, "user")
      ? Object.fromEntries(
          mountsOf(context).map(({ mount, property }) => [property, mountSourceOf(context, mount)]),
        )
      : {},
    sharesMountNamespace: !hasNamespace(choice, "mount"),
  };
}
