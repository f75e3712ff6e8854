import type { Config, Mount } from "../generated/config";
import { namespaceKinds } from "../spec/kernel-constants";
import type { DescriptorRequest, MountContext, MountSource, PlannedStep } from "./context";
import { noDriverWork } from "./driver-work";
import { planJoin } from "./exec";
import type { HostFacts } from "./host-facts";
import { targetOf } from "./mount-target";
import { planNewMount } from "./mounts";
import { chooseNamespaces, type NamespaceChoice } from "./namespace-choice";
import type { ContainerPlan } from "./plan";

export interface LiveMountOptions {
  /** Relative sources count from it, as in config.json. */
  readonly bundleDir: string;
  /** As with a new container. */
  readonly rootfsPath: string;
  /** CLONE_NEW* of the container's namespaces that are not the driver's own. */
  readonly namespaces: number;
}

class LiveMountContext implements MountContext {
  readonly descriptors: DescriptorRequest[] = [];
  readonly namespaces: NamespaceChoice;

  constructor(
    readonly config: Config,
    readonly facts: Pick<HostFacts, "euid" | "selinux">,
    readonly options: LiveMountOptions,
  ) {
    this.namespaces = chooseNamespaces(config);
  }

  descriptor(request: DescriptorRequest): number {
    return this.descriptors.push(request) - 1;
  }

  /** Before the container is joined: a source is the host's, and one that is missing leaves nothing behind. */
  sourceDescriptor(source: MountSource): number {
    return this.descriptor({ kind: "mountSource", ...source });
  }
}

/** Decides how mounts come into a container that lives. Pure; the pointers are those of the list of mounts. */
export function planMountsAdd(
  config: Config,
  facts: Pick<HostFacts, "euid" | "selinux">,
  mounts: readonly Mount[],
  options: LiveMountOptions,
): ContainerPlan {
  const context = new LiveMountContext(config, facts, options);
  return planInside(
    context,
    mounts.map((mount, index) => planNewMount(context, mount, `/${index}`)),
  );
}

/** Decides how they go again: the last first, and none unless all of them are there. */
export function planMountsRemove(
  config: Config,
  facts: Pick<HostFacts, "euid" | "selinux">,
  mounts: readonly Mount[],
  options: LiveMountOptions,
): ContainerPlan {
  const context = new LiveMountContext(config, facts, options);
  const targets = mounts
    .map((mount, index) => ({ target: targetOf(context, mount), property: `/${index}` }))
    .reverse();
  const steps = (checkOnly: 0 | 1) =>
    targets.map(
      ({ target, property }): PlannedStep => ({
        step: { op: "unmount", target, checkOnly },
        property,
      }),
    );
  return planInside(context, [...steps(1), ...steps(0)]);
}

/** It stays out of the container's cgroup, so that neither a freezer nor a limit stops it half way. */
function planInside(context: LiveMountContext, work: readonly PlannedStep[]): ContainerPlan {
  const { pid, time } = namespaceKinds;
  return {
    steps: [
      { step: { op: "protectProcess" }, property: "" },
      { step: { op: "openProcfs" }, property: "" },
      ...planJoin(context, context.options.namespaces & ~(pid.flag | time.flag)),
      ...work,
      { step: { op: "reportReady", keepLink: 0 }, property: "" },
      { step: { op: "end" }, property: "" },
    ],
    descriptors: context.descriptors,
    cloneFlags: 0,
    driver: noDriverWork,
  };
}
