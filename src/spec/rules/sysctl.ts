import { escapePointerStep } from "../json-pointer";
import { mapEntries, type NamespaceType, quote, type Rule, sharesNamespace } from "../rule";

/** Parameters of which each namespace has its own; a trailing dot stands for all below. */
const namespaced: readonly (readonly [name: string, namespace: NamespaceType])[] = [
  ["kernel.msgmax", "ipc"],
  ["kernel.msgmnb", "ipc"],
  ["kernel.msgmni", "ipc"],
  ["kernel.sem", "ipc"],
  ["kernel.shmall", "ipc"],
  ["kernel.shmmax", "ipc"],
  ["kernel.shmmni", "ipc"],
  ["kernel.shm_rmid_forced", "ipc"],
  ["fs.mqueue.", "ipc"],
  ["net.", "network"],
  ["kernel.domainname", "uts"],
  ["user.", "user"],
];

/**
 * The steps from /proc/sys to a parameter's file. As sysctl(8) has it, the first separator decides: after
 * a dot, slashes stand for dots within a step (`net.ipv4.conf.eth0/1.forwarding`), and the other way round.
 */
export function sysctlSteps(name: string): readonly string[] {
  const separator = /[./]/.exec(name)?.[0] ?? ".";
  if (separator === "/") return name.split("/");
  return name.split(".").map((step) => step.replaceAll("/", "."));
}

const namespaceOf = (steps: readonly string[]): NamespaceType | undefined => {
  const dotted = steps.join(".");
  return namespaced.find(([name]) =>
    name.endsWith(".") ? dotted.startsWith(name) : dotted === name,
  )?.[1];
};

const isStep = (step: string) =>
  step !== "" && step !== "." && step !== ".." && !step.includes("/");

const sysctlsNamespaced: Rule = {
  id: "sysctls-namespaced",
  clause: "config-linux.md#sysctl",
  severity: "error",
  about: ["linux", "sysctl"],
  *check(config) {
    for (const [name, value] of mapEntries(config.linux?.sysctl)) {
      const pointer = `/linux/sysctl/${escapePointerStep(name)}`;
      const steps = sysctlSteps(name);
      if (value.includes("\n")) {
        yield { pointer, message: `is ${quote(value)}, and must be a single line` };
      }
      if (!steps.every(isStep)) {
        yield { pointer, message: `has the name ${quote(name)}, which is no path below /proc/sys` };
        continue;
      }
      if (steps.join(".") === "kernel.hostname") {
        yield {
          pointer,
          message: `is ${quote(value)}, and must be given as "hostname" of the config instead`,
        };
        continue;
      }
      const namespace = namespaceOf(steps);
      if (namespace === undefined) {
        yield {
          pointer,
          message: `has the name ${quote(name)}, which no namespace has for itself: it is the host's`,
        };
      } else if (sharesNamespace(config, namespace)) {
        yield {
          pointer,
          message: `is set, and needs a "${namespace}" namespace, or the host would change`,
        };
      }
    }
  },
};

export const sysctlRules: readonly Rule[] = [sysctlsNamespaced];
