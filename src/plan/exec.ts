import type { Config } from "../generated/config";
import { namespaceKinds } from "../spec/kernel-constants";
import { parseNumberList } from "../spec/number-list";
import { bitMask } from "./bit-mask";
import type { DescriptorRequest, PlannedStep, PlanOptions, ProcessContext } from "./context";
import { processWork } from "./driver-work";
import { labelKeyring, planExecLabels } from "./labels";
import { chooseNamespaces, hasNamespace, type NamespaceChoice } from "./namespace-choice";
import type { ContainerPlan } from "./plan";
import {
  planAttributes,
  planCredentials,
  planLookup,
  planOomScore,
  planProgram,
  planTerminal,
} from "./process";

export interface ExecOptions
  extends Pick<PlanOptions, "id" | "newKeyring" | "preserveFds" | "seccomp" | "extraEnv"> {
  /** The files by which a thread joins the container's directories of the v1 hierarchies. */
  readonly tasksFiles: readonly string[];
  /** CLONE_NEW* of the container's namespaces that are not the driver's own. */
  readonly namespaces: number;
}

class ExecContext implements ProcessContext {
  readonly descriptors: DescriptorRequest[] = [];
  readonly namespaces: NamespaceChoice;

  constructor(
    readonly config: Config,
    readonly facts: { readonly euid: number },
    readonly options: ExecOptions,
  ) {
    this.namespaces = chooseNamespaces(config);
  }

  descriptor(request: DescriptorRequest): number {
    return this.descriptors.push(request) - 1;
  }
}

/**
 * Decides how a further process of a container comes to be: `config.process`, where the container's first
 * process is. Pure, as `planContainer` is, and what both do is done by the same steps.
 */
export function planExec(
  config: Config,
  facts: { readonly euid: number },
  options: ExecOptions,
): ContainerPlan {
  const context = new ExecContext(config, facts, options);
  const steps: PlannedStep[] = [
    { step: { op: "protectProcess" }, property: "" },
    ...planCgroups(context),
    // From the host's procfs: the container's need not tell the truth. The kernel keeps them for the execve.
    ...planExecLabels(context),
    ...planJoin(context, options.namespaces),
    { step: { op: "newSession" }, property: "" },
    ...planKeyring(context),
    // Of the container's devpts; /dev/console stays the first process's.
    ...planTerminal(context, { mountConsole: 0 }),
    ...planAttributes(context),
    ...planCredentials(context),
    { step: { op: "reportReady", keepLink: 1 }, property: "" },
    ...planLookup(context),
    ...planProgram(context),
  ];
  return {
    steps,
    descriptors: context.descriptors,
    cloneFlags: 0,
    driver: processWork(context),
  };
}

function planCgroups(context: ExecContext): PlannedStep[] {
  const { process } = context.config;
  const tasksFds = context.options.tasksFiles.map((path) =>
    context.descriptor({ kind: "cgroupTasks", path }),
  );
  const steps: PlannedStep[] =
    tasksFds.length === 0 ? [] : [{ step: { op: "joinCgroup", tasksFds }, property: "" }];
  const final = affinityMask(process?.execCPUAffinity?.final);
  steps.push(
    final === undefined
      ? { step: { op: "resetAffinity" }, property: "" }
      : { step: { op: "setAffinity", mask: final }, property: "/process/execCPUAffinity/final" },
  );
  steps.push(...planOomScore(context));
  return steps;
}

/** The rules have let only lists of processors pass. */
export function affinityMask(list: string | undefined): Uint8Array | undefined {
  if (list === undefined || list === "") return undefined;
  const parsed = parseNumberList(list, largestCpu);
  return "numbers" in parsed ? bitMask(parsed.numbers) : undefined;
}

/** CONFIG_NR_CPUS is 8192 at most. */
const largestCpu = 8191;

/** The way into a container. Without the pid namespace among `flags` nothing in there ever sees the process. */
export function planJoin(
  context: Pick<ExecContext, "namespaces" | "descriptor">,
  flags: number,
): PlannedStep[] {
  const { user, pid } = namespaceKinds;
  // Without a mount namespace of its own a container has its root by chroot.
  const bringsRoot = hasNamespace(context.namespaces, "mount");
  const steps: PlannedStep[] = [
    {
      step: {
        op: "joinContainer",
        containerFd: context.descriptor({ kind: "held", name: "container" }),
        flags: flags >>> 0,
        rootFd: bringsRoot ? -1 : context.descriptor({ kind: "held", name: "root" }),
      },
      property: "/linux/namespaces",
    },
  ];
  if ((flags & user.flag) !== 0)
    steps.push({ step: { op: "becomeRoot" }, property: "/linux/namespaces" });
  // Only now does the container see the process: before, /proc/PID/root of it was the host's, and whoever has
  // CAP_SYS_PTRACE in there may follow that.
  if ((flags & pid.flag) !== 0)
    steps.push({ step: { op: "forkInit" }, property: "/linux/namespaces" });
  return steps;
}

function planKeyring(context: ExecContext): PlannedStep[] {
  const { id, newKeyring } = context.options;
  if (!newKeyring) return [];
  return labelKeyring(context, { step: { op: "newKeyring", name: `_ses.${id}` }, property: "" });
}
