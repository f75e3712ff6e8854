import { cleanPath } from "../spec/paths";
import type { PlanContext, PlannedStep } from "./context";
import { mountLabelOf } from "./labels";

/** Kernel parameters: before /proc/sys becomes read-only. */
export function planSysctls(context: PlanContext): PlannedStep[] {
  const sysctl = Object.entries(context.config.linux?.sysctl ?? {});
  if (sysctl.length === 0) return [];
  return [
    ...sysctl.map(
      ([name, value]): PlannedStep => ({
        step: { op: "writeProcfs", path: `sys/${sysctlPath(name)}`, value },
        property: `/linux/sysctl/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`,
      }),
    ),
    { step: { op: "closeProcfs" }, property: "/linux/sysctl" },
  ];
}

/** As in sysctl(8): whichever of `.` and `/` comes first separates, and the other is part of a name. */
export function sysctlPath(name: string): string {
  const slash = name.indexOf("/");
  const dot = name.indexOf(".");
  if (slash !== -1 && (dot === -1 || slash < dot)) return name;
  return name.replace(/[./]/g, (separator) => (separator === "." ? "/" : "."));
}

/** Last of all that changes mounts, so that nothing else needs what they cover. */
export function planProtectedPaths(context: PlanContext): PlannedStep[] {
  const { linux } = context.config;
  const label = mountLabelOf(context);
  return [
    ...unique(linux?.readonlyPaths).map(
      (path, index): PlannedStep => ({
        step: { op: "makePathReadOnly", path },
        property: `/linux/readonlyPaths/${index}`,
      }),
    ),
    ...unique(linux?.maskedPaths).map(
      (path, index): PlannedStep => ({
        step: { op: "maskPath", path, label },
        property: `/linux/maskedPaths/${index}`,
      }),
    ),
  ];
}

const unique = (paths: readonly string[] = []) => [...new Set(paths.map(cleanPath))];
