import { MS_PRIVATE, MS_REC, MS_SHARED, MS_SLAVE, MS_UNBINDABLE } from "../spec/kernel-constants";
import type { PlanContext, PlannedStep } from "./context";
import { ownsDev } from "./devices";
import { chooseNamespaces, hasNamespace } from "./namespaces";

const propagationFlags: Readonly<Record<string, number>> = {
  private: MS_PRIVATE,
  shared: MS_SHARED,
  slave: MS_SLAVE,
  unbindable: MS_UNBINDABLE,
};

/** Cuts the new mount namespace off from the host, and puts the rootfs where it can become the root. */
export function planRootfs(context: PlanContext): PlannedStep[] {
  if (!hasNamespace(chooseNamespaces(context.config), "mount")) {
    // attachRootfs only opens it here: nothing may be mounted in the caller's namespace.
    return [];
  }
  return [
    // Slave, never shared: what the container mounts must not appear on the host.
    { step: { op: "setPropagation", flags: MS_SLAVE | MS_REC }, property: "/linux/rootfsPropagation" },
    { step: { op: "attachRootfs", path: context.options.rootfsPath, recursive: 1 }, property: "/root/path" },
  ];
}

/** The program's working directory, made when the image has none: what runc does. */
export function planWorkingDirectory(context: PlanContext): PlannedStep[] {
  const cwd = context.config.process?.cwd;
  if (cwd === undefined || cwd === "/" || !hasNamespace(chooseNamespaces(context.config), "mount")) return [];
  return [{ step: { op: "makeDirectory", path: cwd, mode: 0o755 }, property: "/process/cwd" }];
}

export function planRootChange(context: PlanContext): PlannedStep[] {
  if (!hasNamespace(chooseNamespaces(context.config), "mount")) {
    return [{ step: { op: "changeRoot", path: context.options.rootfsPath }, property: "/root/path" }];
  }
  const propagation = context.config.linux?.rootfsPropagation;
  const steps: PlannedStep[] = [
    { step: { op: context.options.pivot ? "pivotRoot" : "moveRoot" }, property: "/root/path" },
  ];
  if (propagation !== undefined) {
    const recursive = propagation.startsWith("r") ? MS_REC : 0;
    const flags = (propagationFlags[propagation.replace(/^r/, "")] ?? 0) | recursive;
    steps.push({ step: { op: "setRootPropagation", flags }, property: "/linux/rootfsPropagation" });
  }
  return steps;
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
        mountConsole: Number(ownsDev(context) && hasNamespace(chooseNamespaces(context.config), "mount")),
      },
      property: "/process/terminal",
    },
  ];
}

export function planReadOnlyRoot(context: PlanContext): PlannedStep[] {
  if (context.config.root.readonly !== true) return [];
  return [{ step: { op: "makeRootReadOnly" }, property: "/root/readonly" }];
}
