import type { MountFilesystemStep } from "../generated/plan";
import {
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_RDONLY,
} from "../spec/kernel-constants";
import type { MountOptions } from "../spec/mount-options";
import type { PlanContext, PlannedStep } from "./context";
import type { CgroupHierarchy } from "./host-facts";
import { labelled } from "./labels";

const hardened = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

/**
 * A mount of type `cgroup` shows the container its own cgroups: one mount on a v2 host, a directory of
 * mounts, one for each hierarchy, on a v1 host.
 */
export function planCgroupMount(
  context: PlanContext,
  target: string,
  options: MountOptions,
  property: string,
): PlannedStep[] {
  const { cgroups } = context.facts;
  const ownNamespace = context.namespaces.created.has("cgroup");
  // A container without a cgroup of its own has nothing to be shown, unless its namespace shows the caller's.
  const hasUnified = ownNamespace || cgroups.hierarchies.length > 0;
  if (cgroups.mode !== "legacy" && hasUnified) {
    return [planUnified(context, target, options, ownNamespace, property)];
  }
  const readOnly = options.attrSet & MOUNT_ATTR_RDONLY;
  const hierarchies = cgroups.hierarchies.filter(({ version }) => version === 1);
  return [
    {
      step: {
        ...filesystem("tmpfs", "tmpfs", target, hardened),
        options: labelled(context, "tmpfs", ["mode=755"]),
        propagation: options.propagation,
      },
      property,
    },
    ...hierarchies.flatMap((hierarchy) =>
      planHierarchy(context, hierarchy, target, hardened | readOnly, ownNamespace, property),
    ),
    ...(readOnly === 0n ? [] : [planReadOnlyDirectory(target, property)]),
  ];
}

function planUnified(
  context: PlanContext,
  target: string,
  options: MountOptions,
  ownNamespace: boolean,
  property: string,
): PlannedStep {
  const attributes = hardened | options.attrSet;
  if (ownNamespace) {
    return {
      step: {
        ...filesystem("cgroup2", "cgroup", target, attributes),
        propagation: options.propagation,
      },
      property,
    };
  }
  const source = `${unifiedMountPoint(context)}${context.options.cgroupPath}`;
  return {
    step: { ...bind(source, target, attributes), propagation: options.propagation },
    property,
  };
}

function unifiedMountPoint(context: PlanContext): string {
  return (
    context.facts.cgroups.hierarchies.find(({ version }) => version === 2)?.mountPoint ??
    "/sys/fs/cgroup"
  );
}

function planHierarchy(
  context: PlanContext,
  hierarchy: CgroupHierarchy,
  target: string,
  attributes: bigint,
  ownNamespace: boolean,
  property: string,
): PlannedStep[] {
  const name = hierarchy.mountPoint.slice(hierarchy.mountPoint.lastIndexOf("/") + 1);
  const at = `${target}/${name}`;
  const mounted: PlannedStep = ownNamespace
    ? {
        step: { ...filesystem("cgroup", "cgroup", at, attributes), options: hierarchy.controllers },
        property,
      }
    : {
        step: bind(`${hierarchy.mountPoint}${context.options.cgroupPath}`, at, attributes),
        property,
      };
  // Controllers that share a hierarchy are found by each of their names.
  const links = hierarchy.controllers
    .filter((controller) => controller !== name && !controller.startsWith("name="))
    .map(
      (controller): PlannedStep => ({
        step: { op: "makeSymlink", path: `${target}/${controller}`, target: name, replace: 0 },
        property,
      }),
    );
  return [mounted, ...links];
}

function planReadOnlyDirectory(target: string, property: string): PlannedStep {
  return {
    step: {
      op: "remount",
      target,
      bind: 1,
      options: [],
      sbFlags: 0,
      attributesSet: MOUNT_ATTR_RDONLY,
      attributesClear: 0n,
      recursiveSet: 0n,
      recursiveClear: 0n,
      propagation: [],
    },
    property,
  };
}

function filesystem(
  type: string,
  source: string,
  target: string,
  attributes: bigint,
): MountFilesystemStep {
  return {
    op: "mountFilesystem",
    type,
    source,
    target,
    options: [],
    sbFlags: 0,
    attributes,
    recursiveSet: 0n,
    recursiveClear: 0n,
    propagation: [],
    copyUp: 0,
    plainDirectory: 0,
    insideProc: 0,
    idmapFd: -1,
    idmapRecursive: 0,
    rootLabel: "",
  };
}

function bind(source: string, target: string, attributes: bigint) {
  return {
    op: "bindMount",
    source,
    openedByDriver: 0,
    sourceFd: -1,
    copySymlink: 0,
    target,
    recursive: 0,
    attributesSet: attributes,
    attributesClear: 0n,
    replaceAttributes: 0,
    recursiveSet: 0n,
    recursiveClear: 0n,
    propagation: [],
    requireProc: 0,
    insideProc: 0,
    idmapFd: -1,
    idmapRecursive: 0,
  } as const;
}
