import { MS_PRIVATE, MS_REC, MS_SHARED, MS_SLAVE, MS_UNBINDABLE } from "../spec/kernel-constants";
import { parseMountOptions } from "../spec/mount-options";
import { cleanPath } from "../spec/paths";
import type { PlanContext, PlannedStep } from "./context";
import { ownsDev } from "./devices";
import { mountsOf } from "./mounts";
import { hasNamespace } from "./namespace-choice";
import { planTerminal } from "./process";

const propagationFlags: Readonly<Record<string, number>> = {
  private: MS_PRIVATE,
  shared: MS_SHARED,
  slave: MS_SLAVE,
  unbindable: MS_UNBINDABLE,
};

/** Cuts the new mount namespace off from the host, and puts the rootfs where it can become the root. */
export function planRootfs(context: PlanContext): PlannedStep[] {
  const path = context.options.rootfsPath;
  if (!hasNamespace(context.namespaces, "mount")) {
    // In the caller's namespace everything is mounted below this one mount, and `delete` takes that away.
    return [
      { step: { op: "attachRootfs", path, recursive: 1, ownNamespace: 0 }, property: "/root/path" },
    ];
  }
  return [
    // Slave, never shared: what the container mounts must not appear on the host.
    {
      step: { op: "setPropagation", flags: MS_SLAVE | MS_REC },
      property: "/linux/rootfsPropagation",
    },
    { step: { op: "attachRootfs", path, recursive: 1, ownNamespace: 1 }, property: "/root/path" },
  ];
}

/** The program's working directory, made when the image has none: what runc does. */
export function planWorkingDirectory(context: PlanContext): PlannedStep[] {
  const cwd = context.config.process?.cwd;
  if (cwd === undefined || cwd === "/") return [];
  return [{ step: { op: "makeDirectory", path: cwd, mode: 0o755 }, property: "/process/cwd" }];
}

export function planRootChange(context: PlanContext): PlannedStep[] {
  if (!hasNamespace(context.namespaces, "mount")) {
    return [{ step: { op: "changeRoot" }, property: "/root/path" }];
  }
  return [
    { step: { op: context.options.pivot ? "pivotRoot" : "moveRoot" }, property: "/root/path" },
  ];
}

/** How the container's root takes part in the host's mounts: config-linux.md#rootfs-mount-propagation. */
export function planRootPropagation(context: PlanContext): PlannedStep[] {
  const propagation = context.config.linux?.rootfsPropagation;
  if (propagation === undefined) return [];
  const isRecursive = propagation.startsWith("r");
  const flags = propagationFlags[isRecursive ? propagation.slice(1) : propagation] ?? 0;
  return [
    {
      step: { op: "setRootPropagation", flags: isRecursive ? flags | MS_REC : flags },
      property: "/linux/rootfsPropagation",
    },
    ...(isRecursive ? ownPropagations(context) : []),
  ];
}

/** What a mount asks for itself goes before what is asked for all of them. */
function ownPropagations(context: PlanContext): PlannedStep[] {
  return mountsOf(context).flatMap(({ mount, property }) => {
    const { propagation } = parseMountOptions(mount.options ?? []);
    if (propagation.length === 0) return [];
    const step = {
      op: "remount",
      target: cleanPath(mount.destination),
      bind: 1,
      options: [],
      sbFlags: 0,
      attributesSet: 0n,
      attributesClear: 0n,
      recursiveSet: 0n,
      recursiveClear: 0n,
      propagation,
    } as const;
    return [{ step, property }];
  });
}

/** The terminal, taken from the container's own devpts after the root has changed. */
export function planConsole(context: PlanContext): PlannedStep[] {
  return [
    { step: { op: "reopenNullStreams" }, property: "" },
    ...planTerminal(context, { mountConsole: ownsDev(context) ? 1 : 0 }),
  ];
}

export function planReadOnlyRoot(context: PlanContext): PlannedStep[] {
  if (context.config.root.readonly !== true) return [];
  return [{ step: { op: "makeRootReadOnly" }, property: "/root/readonly" }];
}
