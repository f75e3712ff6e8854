import type { Config } from "../generated/config";
import type { PlanOptions } from "./context";
import type { HostFacts } from "./host-facts";
import { order, type Section } from "./order";
import { type ContainerPlan, planContainer } from "./plan";

/** Up to the mounts, as for every container. */
const sections = new Set(["protect init", "root file system", "mounts"]);

/**
 * What makes a container's mount points and leaves nothing else: the mounts are made in a mount namespace
 * that ends with init, which is not to be released. CRIU mounts on what is there.
 */
export function planMountPoints(
  config: Config,
  facts: HostFacts,
  options: PlanOptions,
): ContainerPlan {
  const { process: _process, hooks: _hooks, ...rest } = config;
  const namespaces = [{ type: "mount" } as const];
  const bare: Config = { ...rest, linux: { ...config.linux, namespaces } };
  const kept = order.filter(({ name }) => sections.has(name));
  return planContainer(bare, facts, options, [...kept, ready]);
}

const ready: Section = {
  name: "ready",
  because: "the driver hears that all is there",
  plan: () => [{ step: { op: "reportReady", keepLink: 0 }, property: "" }],
};
