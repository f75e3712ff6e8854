import type { Capabilities, Process } from "../generated/config";
import { requests } from "../generated/plan";
import { askedOfCrun } from "../spec/crun-annotations";
import {
  CAP_SYS_ADMIN,
  capabilityBit,
  IOPRIO_CLASS_SHIFT,
  ioPriorityClasses,
  memoryPolicyFlags,
  memoryPolicyModes,
  personalityDomains,
  rlimitNumbers,
  schedulerFlags,
  schedulerPolicies,
} from "../spec/kernel-constants";
import { parseNumberList } from "../spec/number-list";
import { bitMask } from "./bit-mask";
import type { PlannedStep, ProcessContext } from "./context";
import { hasNamespace } from "./namespace-choice";

/** CONFIG_NODES_SHIFT is 10 at most. */
const largestNode = 1023;

/** Init asks the driver, which alone may lower it. */
export function planOomScore({ config }: ProcessContext): PlannedStep[] {
  if (config.process?.oomScoreAdj === undefined) return [];
  return [
    {
      step: { op: "ask", request: requests.adjustOomScore },
      property: "/process/oomScoreAdj",
    },
  ];
}

/** The terminal that the process asks for, which is /dev/console as well when `mountConsole` is 1. */
export function planTerminal(
  { config: { process } }: ProcessContext,
  { mountConsole }: { readonly mountConsole: 0 | 1 },
): PlannedStep[] {
  if (process?.terminal !== true) return [];
  return [
    {
      step: {
        op: "openConsole",
        rows: Number(process.consoleSize?.height ?? 0),
        columns: Number(process.consoleSize?.width ?? 0),
        uid: process.user.uid,
        mountConsole,
      },
      property: "/process/terminal",
    },
  ];
}

/** What the kernel keeps for each process and that needs a privilege to change: before the user changes. */
export function planAttributes(context: ProcessContext): PlannedStep[] {
  const { process, linux } = context.config;
  const steps: PlannedStep[] = [];
  if (linux?.personality !== undefined) {
    steps.push({
      step: { op: "setPersonality", persona: personalityDomains[linux.personality.domain] },
      property: "/linux/personality",
    });
  }
  if (linux?.memoryPolicy?.mode !== undefined) {
    const flags = (linux.memoryPolicy.flags ?? []).reduce(
      (sum, flag) => sum | memoryPolicyFlags[flag],
      0,
    );
    steps.push({
      step: {
        op: "setMemoryPolicy",
        mode: memoryPolicyModes[linux.memoryPolicy.mode] | flags,
        nodeMask: bitMask(nodeNumbers(linux.memoryPolicy.nodes ?? "")),
      },
      property: "/linux/memoryPolicy",
    });
  }
  const scheduler = process?.scheduler;
  if (scheduler !== undefined) {
    const flags = (scheduler.flags ?? []).reduce((sum, flag) => sum | schedulerFlags[flag], 0);
    steps.push({
      step: {
        op: "setScheduler",
        policy: schedulerPolicies[scheduler.policy],
        flags: BigInt(flags),
        nice: scheduler.nice ?? 0,
        priority: scheduler.priority ?? 0,
        runtimeNs: BigInt(scheduler.runtime ?? 0),
        deadlineNs: BigInt(scheduler.deadline ?? 0),
        periodNs: BigInt(scheduler.period ?? 0),
      },
      property: "/process/scheduler",
    });
  }
  const ioPriority = process?.ioPriority;
  if (ioPriority !== undefined) {
    const { class: name, priority = 0 } = ioPriority;
    const value = (ioPriorityClasses[name] << IOPRIO_CLASS_SHIFT) | priority;
    steps.push({ step: { op: "setIoPriority", value }, property: "/process/ioPriority" });
  }
  return steps;
}

/** The rules have let only lists pass that are right. */
function nodeNumbers(list: string): readonly number[] {
  const parsed = parseNumberList(list, largestNode);
  return "numbers" in parsed ? parsed.numbers : [];
}

/** Working directory, streams, user and capabilities: each step gives up the right to the one before it. */
export function planCredentials(context: ProcessContext): PlannedStep[] {
  const { process } = context.config;
  if (process === undefined) return [];
  const { user } = process;
  const sets = capabilitySets(process.capabilities);
  const steps: PlannedStep[] = [
    { step: { op: "changeDirectory", path: process.cwd, final: 0 }, property: "/process/cwd" },
    {
      step: { op: "limitBoundingSet", keep: sets.bounding },
      property: "/process/capabilities/bounding",
    },
    { step: { op: "ownStreams", uid: user.uid }, property: "/process/user/uid" },
  ];
  steps.push(
    ...planLimits(context),
    {
      step: {
        op: "becomeUser",
        uid: user.uid,
        gid: user.gid ?? 0,
        groups: user.additionalGids ?? [],
        keepGroups: Number(keepsGroups(context, process)),
      },
      property: "/process/user",
    },
    {
      step: {
        op: "setCapabilities",
        effective: sets.effective,
        permitted: sets.permitted,
        inheritable: sets.inheritable,
        ambient: sets.ambient,
        // Without no_new_privs a filter takes CAP_SYS_ADMIN: seccomp(2). The execve takes it away.
        untilExecve: needsAdminForFilter(context, process) ? 1n << BigInt(CAP_SYS_ADMIN) : 0n,
      },
      property: "/process/capabilities",
    },
    { step: { op: "changeDirectory", path: process.cwd, final: 1 }, property: "/process/cwd" },
  );
  if (user.umask !== undefined) {
    steps.push({ step: { op: "setUmask", mask: user.umask }, property: "/process/user/umask" });
  }
  steps.push({
    step: { op: "closeInheritedFiles", preserveFds: context.options.preserveFds },
    property: "",
  });
  if (process.noNewPrivileges === true) {
    steps.push({ step: { op: "setNoNewPrivileges" }, property: "/process/noNewPrivileges" });
  }
  return steps;
}

function needsAdminForFilter(context: ProcessContext, process: Process): boolean {
  return context.options.seccomp !== undefined && process.noNewPrivileges !== true;
}

/**
 * Resource limits: by init itself, which is still privileged. In a user namespace its privilege is not the
 * host's, and the driver sets them when init is ready (src/plan/driver-work.ts).
 */
function planLimits(context: ProcessContext): PlannedStep[] {
  if (hasNamespace(context.namespaces, "user")) return [];
  return processLimits(context.config.process).map((limit, index) => ({
    step: { op: "setLimit", ...limit },
    property: `/process/rlimits/${index}`,
  }));
}

export function processLimits(
  process: Process | undefined,
): { name: string; resource: number; soft: bigint; hard: bigint }[] {
  return (process?.rlimits ?? []).map(({ type, soft, hard }) => ({
    name: type,
    resource: rlimitNumbers[type],
    soft: BigInt(soft),
    hard: BigInt(hard),
  }));
}

/** A user namespace whose maker may not set groups has them denied (user_namespaces(7)): then they stay as they are. */
function keepsGroups(context: ProcessContext, process: Process): boolean {
  if (askedOfCrun(context.config.annotations, "keepGroups") === "1") return true;
  const inNewUserNamespace = hasNamespace(context.namespaces, "user");
  return (
    context.facts.euid !== 0 &&
    inNewUserNamespace &&
    (process.user.additionalGids ?? []).length === 0
  );
}

/** Without `capabilities` the process has none: what a config does not ask for is not given. */
export function capabilitySets(capabilities: Capabilities | undefined) {
  const mask = (names: readonly string[] = []) =>
    names.reduce((sum, name) => {
      const bit = capabilityBit(name);
      // A name that the kernel does not know was warned about when the config was checked.
      return bit === undefined ? sum : sum | (1n << BigInt(bit));
    }, 0n);
  return {
    bounding: mask(capabilities?.bounding),
    effective: mask(capabilities?.effective),
    permitted: mask(capabilities?.permitted),
    inheritable: mask(capabilities?.inheritable),
    ambient: mask(capabilities?.ambient),
  };
}

function planSeccomp(context: ProcessContext): PlannedStep[] {
  const { seccomp } = context.options;
  if (seccomp === undefined) return [];
  return [
    {
      step: { op: "loadSeccomp", program: seccomp.program, flags: seccomp.flags },
      property: "/linux/seccomp",
    },
  ];
}

/** What `start` sets off. */
/** Finds the program, as the user and in the directory that it will have. */
export function planLookup(context: ProcessContext): PlannedStep[] {
  const { process } = context.config;
  if (process === undefined) return [];
  const env = programEnvironment([...(process.env ?? []), ...context.options.extraEnv]);
  return [
    {
      step: {
        op: "findProgram",
        args: process.args,
        env: env.variables,
        homeUid: process.user.uid,
        addHome: Number(!env.hasHome),
      },
      property: "/process/args",
    },
  ];
}

/** Becomes the program that has been found. */
export function planProgram(context: ProcessContext): PlannedStep[] {
  if (context.config.process === undefined) return [];
  return [...planSeccomp(context), { step: { op: "execute" }, property: "/process/args" }];
}

/** Each variable once, the last one of a name; an empty HOME counts as none. */
export function programEnvironment(env: readonly string[]): {
  variables: string[];
  hasHome: boolean;
} {
  const byName = new Map<string, string>();
  for (const variable of env) byName.set(variable.slice(0, variable.indexOf("=")), variable);
  const home = byName.get("HOME");
  const hasHome = home !== undefined && home !== "HOME=";
  if (!hasHome) byName.delete("HOME");
  return { variables: [...byName.values()], hasHome };
}
