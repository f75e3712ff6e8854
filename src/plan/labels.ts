import { askedOfCrun } from "../spec/crun-annotations";
import type { PlanContext, PlannedStep } from "./context";

/** Without SELinux no file system takes a label. The driver warns of it (src/plan/unavailable.ts). */
export function mountLabelOf({ config, facts }: PlanContext): string {
  return facts.selinux ? (config.linux?.mountLabel ?? "") : "";
}

/** The kernel labels them by its policy, and runc gives them no label either. */
const unlabelledTypes = new Set(["proc", "sysfs", "cgroup", "cgroup2", "mqueue"]);

/** One superblock for each ipc namespace, made with the namespace: too late for an option, so its root is labelled. */
const typesLabelledByRoot = new Set(["mqueue"]);

/** Whether the mount has a label of its own: the kernel takes no second one. */
const isLabel = (option: string) => /^(?:|fs|def|root)context=/.test(option);

/** A file system's options with the container's mount label. Quoted, as categories have commas. */
export function labelled(
  context: PlanContext,
  type: string,
  options: readonly string[],
): readonly string[] {
  const label = mountLabelOf(context);
  if (label === "" || unlabelledTypes.has(type) || options.some(isLabel)) return options;
  const option = askedOfCrun(context.config.annotations, "mountContextType") ?? "context";
  return [...options, `${option}="${label}"`];
}

/** The label that the root of a mount gets instead; empty for none. */
export function rootLabelOf(context: PlanContext, type: string): string {
  return typesLabelledByRoot.has(type) ? mountLabelOf(context) : "";
}

const keyringLabel = "self/attr/keycreate";

/** The session keyring has the program's label, or the program could not use it. */
export function labelKeyring(
  { config }: Pick<PlanContext, "config">,
  keyring: PlannedStep,
): PlannedStep[] {
  const label = config.process?.selinuxLabel ?? "";
  if (label === "") return [keyring];
  const property = "/process/selinuxLabel";
  return [
    { step: { op: "writeProcfs", path: keyringLabel, value: label }, property },
    keyring,
    // Keys that hooks or init make later are none of the program's.
    { step: { op: "writeProcfs", path: keyringLabel, value: "" }, property },
    { step: { op: "closeProcfs" }, property },
  ];
}

/**
 * What the program is labelled with at its execve. Before `start`, so that `create` reports a profile that is
 * not loaded; startContainer hooks, which the image provides, are confined by it too, as with runc.
 */
export function planExecLabels({ config }: Pick<PlanContext, "config">): PlannedStep[] {
  const profile = config.process?.apparmorProfile ?? "";
  const label = config.process?.selinuxLabel ?? "";
  const steps: PlannedStep[] = [];
  if (profile !== "") {
    steps.push({
      step: {
        op: "setExecLabel",
        module: "apparmor",
        // Before Linux 5.8 the modules shared one file.
        files: ["self/attr/apparmor/exec", "self/attr/exec"],
        value: `exec ${profile}`,
      },
      property: "/process/apparmorProfile",
    });
  }
  if (label !== "") {
    steps.push({
      step: { op: "setExecLabel", module: "selinux", files: ["self/attr/exec"], value: label },
      property: "/process/selinuxLabel",
    });
  }
  const last = steps.at(-1);
  if (last !== undefined) {
    steps.push({ step: { op: "closeProcfs" }, property: last.property });
  }
  return steps;
}
