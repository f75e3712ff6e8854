import type { Config } from "../generated/config";
import { type DescriptorRequest, PlanContext, type PlannedStep, type PlanOptions } from "./context";
import { type DriverWork, processWork } from "./driver-work";
import type { HostFacts } from "./host-facts";
import { idMapText } from "./id-maps";
import { mountSourceOf, mountsOf } from "./mounts";
import { hasNamespace } from "./namespace-choice";
import { firstCloneFlags } from "./namespaces";
import { order, type Section } from "./order";

/** Everything that making a container takes, decided: what init does, and what the driver does for it. */
export interface ContainerPlan {
  readonly steps: readonly PlannedStep[];
  /** Descriptors that steps name by their place here. */
  readonly descriptors: readonly DescriptorRequest[];
  /** CLONE_NEW* of the first clone. */
  readonly cloneFlags: number;
  readonly driver: DriverWork;
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
  const { linux, hooks } = context.config;
  const choice = context.namespaces;
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
    ...processWork(context),
    hostHooks: (["prestart", "createRuntime"] as const).flatMap((kind) =>
      (hooks?.[kind] ?? []).map((hook, index) => ({ kind, index, hook })),
    ),
    netDevices: Object.entries(linux?.netDevices ?? {}).map(([name, device]) => ({
      name,
      newName: device.name === undefined || device.name === "" ? name : device.name,
    })),
    mountSources: hasNamespace(choice, "user")
      ? Object.fromEntries(
          mountsOf(context).map(({ mount, property }) => [property, mountSourceOf(context, mount)]),
        )
      : {},
    sharesMountNamespace: !hasNamespace(choice, "mount"),
  };
}
