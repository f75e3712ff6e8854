import type { Seccomp } from "../../generated/config";
import { askedOfCrun } from "../crun-annotations";
import { MAX_ERRNO } from "../kernel-constants";
import { type Draft, entries, type Finding, quote, type Rule } from "../rule";

type Action = Seccomp["defaultAction"];

/** What the number beside an action can be at most; no other action takes one. */
const largestErrnoRet: Partial<Record<Action, number>> = {
  SCMP_ACT_ERRNO: MAX_ERRNO,
  SCMP_ACT_TRACE: 65535,
};

interface Numbered {
  readonly actionName: string;
  readonly action: Action | undefined;
  readonly errnoRet: number | undefined;
  readonly pointer: string;
}

function* numberedActions(seccomp: Draft<Seccomp>): Generator<Numbered> {
  yield {
    actionName: "defaultAction",
    action: seccomp.defaultAction,
    errnoRet: seccomp.defaultErrnoRet,
    pointer: "/linux/seccomp/defaultErrnoRet",
  };
  for (const [index, { action, errnoRet }] of entries(seccomp.syscalls)) {
    yield {
      actionName: "action",
      action,
      errnoRet,
      pointer: `/linux/seccomp/syscalls/${index}/errnoRet`,
    };
  }
}

const errnoRetUsable: Rule = {
  id: "errno-ret-usable",
  clause: "config-linux.md#seccomp",
  severity: "error",
  about: ["linux", "seccomp"],
  *check(config) {
    const seccomp = config.linux?.seccomp;
    if (seccomp === undefined) return;
    for (const { actionName, action, errnoRet, pointer } of numberedActions(seccomp)) {
      if (action === undefined || errnoRet === undefined) continue;
      const largest = largestErrnoRet[action];
      if (largest === undefined) {
        const message = `is ${errnoRet}, and needs SCMP_ACT_ERRNO or SCMP_ACT_TRACE as "${actionName}", not ${action}`;
        yield { pointer, message };
      } else if (errnoRet > largest) {
        yield { pointer, message: `is ${errnoRet}, and must be at most ${largest} for ${action}` };
      }
    }
  },
};

const isSet = (text: string | undefined) => (text ?? "") !== "";

/** Notifications need someone who answers, and init must be able to write to the driver until the end. */
const listenerConsistent: Rule = {
  id: "listener-consistent",
  clause: "config-linux.md#seccomp",
  severity: "error",
  about: ["linux", "seccomp"],
  *check(config) {
    const seccomp = config.linux?.seccomp;
    if (seccomp === undefined) return;
    const at = "/linux/seccomp";
    if (isSet(seccomp.listenerMetadata) && !isSet(seccomp.listenerPath)) {
      yield { pointer: `${at}/listenerMetadata`, message: 'is set, and needs "listenerPath" too' };
    }
    if (seccomp.defaultAction === "SCMP_ACT_NOTIFY") {
      yield {
        pointer: `${at}/defaultAction`,
        message: "is SCMP_ACT_NOTIFY, which cannot be used as default action",
      };
    }
    const receiver = askedOfCrun(config.annotations, "seccompReceiver");
    yield* notifyingRules(seccomp, at, isSet(seccomp.listenerPath) || receiver !== undefined);
  },
};

function* notifyingRules(
  seccomp: Draft<Seccomp>,
  at: string,
  hasListener: boolean,
): Generator<Finding> {
  let notifying = -1;
  for (const [index, { action, names }] of entries(seccomp.syscalls)) {
    if (action !== "SCMP_ACT_NOTIFY") continue;
    if (notifying === -1) notifying = index;
    const write = names?.indexOf("write") ?? -1;
    if (write === -1) continue;
    const message = `is ${quote("write")}: SCMP_ACT_NOTIFY cannot be used for the write syscall`;
    yield { pointer: `${at}/syscalls/${index}/names/${write}`, message };
  }
  if (notifying !== -1 && !hasListener) {
    yield {
      pointer: `${at}/syscalls/${notifying}/action`,
      message: 'is SCMP_ACT_NOTIFY, and needs "listenerPath"',
    };
  }
}

export const seccompRules: readonly Rule[] = [errnoRetUsable, listenerConsistent];
