import { MS_PRIVATE, MS_REC, MS_SHARED, MS_SLAVE, MS_UNBINDABLE } from "../spec/kernel-constants";
import type { PlanContext, PlannedStep } from "./context";
import { ownsDev } from "./devices";
import { hasNamespace } from "./namespace-choice";

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
  ];
}

/** The terminal, taken from the container's own devpts after the root has changed. */
export function planConsole(context: PlanContext): PlannedStep[] {
  const { process } = context.config;
  const nullStreams: PlannedStep = { step: { op: "reopenNullStreams" }, property: "" };
  if (process?.terminal !== true) return [nullStreams];
  return [
    nullStreams,
    {
      step: {
        op: "openConsole",
        rows: Number(process.consoleSize?.height ?? 0),
        columns: Number(process.consoleSize?.width ?? 0),
        uid: process.user.uid,
        mountConsole: Number(ownsDev(context)),
      },
      property: "/process/terminal",
    },
  ];
}

export function planReadOnlyRoot(context: PlanContext): PlannedStep[] {
  if (context.config.root.readonly !== true) return [];
  return [{ step: { op: "makeRootReadOnly" }, property: "/root/readonly" }];
}
