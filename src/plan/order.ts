import { planCgroup } from "./cgroup";
import type { PlanContext, PlannedStep } from "./context";
import { planDevices } from "./devices";
import { planCreateHooks, planStartHooks } from "./hooks";
import { planExecLabels } from "./labels";
import { planMounts, planReadOnlyMounts } from "./mounts";
import { planNamespaces, planNetwork, planSession, planUts } from "./namespaces";
import { planAttributes, planCredentials, planLookup, planProgram } from "./process";
import { planProtectedPaths, planSysctls } from "./protected-paths";
import {
  planConsole,
  planReadOnlyRoot,
  planRootChange,
  planRootfs,
  planRootPropagation,
  planWorkingDirectory,
} from "./rootfs";

/** One part of what init does. The order of the parts is the security design of the runtime. */
export interface Section {
  readonly name: string;
  /** What would break if it stood elsewhere. */
  readonly because: string;
  readonly plan: (context: PlanContext) => readonly PlannedStep[];
}

const hasStartHooks = ({ config }: PlanContext) => (config.hooks?.startContainer ?? []).length > 0;

/** All that init does, from its first instruction to the program's. */
export const order: readonly Section[] = [
  {
    name: "protect init",
    because: "before anything of the container can see this process (CVE-2016-9962)",
    plan: () => [{ step: { op: "protectProcess" }, property: "" }],
  },
  {
    name: "join the cgroup",
    because: "before init allocates or forks, so that the limits hold for all of it",
    plan: planCgroup,
  },
  {
    name: "namespaces",
    because: "whoever makes a file, a mount or an interface decides which namespace owns it",
    plan: planNamespaces,
  },
  {
    name: "session",
    because: "the cgroup namespace's root is the cgroup that init has joined by now",
    plan: planSession,
  },
  {
    name: "network",
    because: "hooks find the interfaces that the config asks for",
    plan: planNetwork,
  },
  {
    name: "root file system",
    because: "the host is cut off before the first mount is made",
    plan: planRootfs,
  },
  { name: "mounts", because: "in the order of the config (config.md#mounts)", plan: planMounts },
  {
    name: "devices",
    because: "a mount on /dev would cover them (runtime-linux.md#dev-symbolic-links)",
    plan: planDevices,
  },
  {
    name: "working directory",
    because: "the root may be read-only later",
    plan: planWorkingDirectory,
  },
  {
    name: "hooks of create",
    because:
      "the container's mounts are there, and the host's paths still are (config.md#posix-platform-hooks)",
    plan: planCreateHooks,
  },
  {
    name: "labels",
    because:
      "hooks of create are not to have them, and a user namespace gets a procfs only where a whole one is in sight",
    plan: planExecLabels,
  },
  {
    name: "change the root",
    because: "after this the host is out of sight: no log, no helper, no host path",
    plan: planRootChange,
  },
  {
    name: "console",
    because: "the terminal is taken from the container's devpts, by descriptor (CVE-2025-52565)",
    plan: planConsole,
  },
  { name: "names", because: "hooks of create may have set others", plan: planUts },
  {
    name: "kernel parameters",
    because: "readonlyPaths may cover /proc/sys next",
    plan: planSysctls,
  },
  {
    name: "protected paths",
    because: "last of all that mounts, so that nothing else needs what they cover",
    plan: planProtectedPaths,
  },
  {
    name: "root propagation",
    because: "nothing can be bound from a root that is unbindable",
    plan: planRootPropagation,
  },
  {
    name: "read-only root and mounts",
    because: "mount points and /dev/console had to be made below them",
    plan: (context) => [...planReadOnlyMounts(context), ...planReadOnlyRoot(context)],
  },
  {
    name: "process attributes",
    because: "they need capabilities that the program may not have",
    plan: planAttributes,
  },
  {
    name: "user and capabilities",
    because: "each call gives up the right to the one before it",
    plan: planCredentials,
  },
  {
    name: "lookup of the program",
    because:
      "callers count on `create` to say that it is not there; hooks of start may put it there",
    plan: (context) => (hasStartHooks(context) ? [] : planLookup(context)),
  },
  {
    name: "wait for start",
    because: "all that can fail has failed by now, and `create` could report it",
    plan: (context) => [
      { step: { op: "reportReady", keepLink: 0 }, property: "" },
      {
        step: { op: "waitForStart", gateFd: context.descriptor({ kind: "held", name: "gate" }) },
        property: "",
      },
    ],
  },
  {
    name: "hooks of start",
    because: "in the container, right before its program (config.md#posix-platform-hooks)",
    plan: (context) => [
      ...planStartHooks(context),
      ...(hasStartHooks(context) ? planLookup(context) : []),
    ],
  },
  {
    name: "program",
    because: "the filter comes last, so that it has to allow nothing of init but the execve",
    plan: planProgram,
  },
];
