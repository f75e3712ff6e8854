import type { Config, IdMapping } from "../../generated/config";
import { capabilityBit } from "../kernel-constants";
import {
  type Draft,
  entries,
  type Finding,
  hasNewNamespace,
  isRefused,
  quote,
  type Rule,
} from "../rule";

const capabilitySets = ["bounding", "effective", "inheritable", "permitted", "ambient"] as const;

const capabilitiesKnown: Rule = {
  id: "capabilities-known",
  clause: "config.md#linux-process",
  severity: "warning",
  *check(config) {
    for (const set of capabilitySets) {
      for (const [index, name] of entries(config.process?.capabilities?.[set])) {
        if (capabilityBit(name) !== undefined) continue;
        const pointer = `/process/capabilities/${set}/${index}`;
        yield { pointer, message: `is ${quote(name)}, which is no capability, and is left out` };
      }
    }
  },
};

const rlimitsUnique: Rule = {
  id: "rlimits-unique",
  clause: "config.md#posix-process",
  severity: "error",
  about: ["process", "rlimits"],
  *check(config) {
    const first = new Map<string, number>();
    for (const [index, { type }] of entries(config.process?.rlimits)) {
      if (type === undefined) continue;
      const earlier = first.get(type);
      if (earlier === undefined) first.set(type, index);
      else
        yield {
          pointer: `/process/rlimits/${index}`,
          message: `is ${type} again, after index ${earlier}`,
        };
    }
  },
};

/** setrlimit(2) refuses it with EINVAL. */
const rlimitsOrdered: Rule = {
  id: "rlimits-ordered",
  clause: "config.md#posix-process",
  severity: "error",
  about: ["process", "rlimits"],
  *check(config) {
    for (const [index, { soft, hard }] of entries(config.process?.rlimits)) {
      if (soft === undefined || hard === undefined || soft <= hard) continue;
      yield {
        pointer: `/process/rlimits/${index}/soft`,
        message: `is ${soft}, and must be at most "hard", which is ${hard}`,
      };
    }
  },
};

/** A terminal's rows and columns are two bytes each (ioctl_tty(2)); without a terminal they mean nothing. */
const consoleSizeFits: Rule = {
  id: "console-size-fits",
  clause: "config.md#process",
  severity: "error",
  about: ["process", "consoleSize"],
  *check(config) {
    if (config.process?.terminal !== true) return;
    for (const side of ["height", "width"] as const) {
      const size = config.process.consoleSize?.[side];
      if (size === undefined || size <= 65535) continue;
      yield {
        pointer: `/process/consoleSize/${side}`,
        message: `is ${size}, and must be at most 65535`,
      };
    }
  },
};

const programNamed: Rule = {
  id: "program-named",
  clause: "config.md#process",
  severity: "error",
  *check(config) {
    if (config.process?.args?.[0] !== "") return;
    yield { pointer: "/process/args/0", message: 'is "", and must name a program' };
  },
};

const realTimePolicies: readonly string[] = ["SCHED_FIFO", "SCHED_RR"];

/** What sched_setattr(2) refuses with EINVAL, or takes without heeding it. */
const schedulerConsistent: Rule = {
  id: "scheduler-consistent",
  clause: "config.md#linux-process",
  severity: "error",
  about: ["process", "scheduler"],
  *check(config) {
    const scheduler = config.process?.scheduler;
    if (scheduler?.policy === undefined) return;
    const { policy, priority = 0, runtime = 0, deadline = 0, period = 0 } = scheduler;
    const at = "/process/scheduler";
    const realTime = realTimePolicies.includes(policy);
    if (realTime && priority < 1) {
      yield {
        pointer: `${at}/priority`,
        message: `is ${priority}, and must be from 1 to 99 for ${policy}`,
      };
    }
    if (!realTime && priority !== 0) {
      const message = `is ${priority}, and can only be given for SCHED_FIFO and SCHED_RR, not for ${policy}`;
      yield { pointer: `${at}/priority`, message };
    }
    if (policy === "SCHED_DEADLINE") {
      yield* deadlineConsistent(at, runtime, deadline, period);
      return;
    }
    for (const [name, value] of Object.entries({ runtime, deadline, period })) {
      if (BigInt(value) === 0n) continue;
      const message = `is ${value}, and can only be given for SCHED_DEADLINE, not for ${policy}`;
      yield { pointer: `${at}/${name}`, message };
    }
  },
};

type Nanoseconds = number | bigint;

function* deadlineConsistent(
  at: string,
  runtime: Nanoseconds,
  deadline: Nanoseconds,
  period: Nanoseconds,
): Generator<Finding> {
  // sched(7): the kernel's clock resolution is 1024 ns.
  if (runtime < 1024) {
    yield {
      pointer: `${at}/runtime`,
      message: `is ${runtime}, and must be at least 1024 for SCHED_DEADLINE`,
    };
  }
  if (deadline < runtime || BigInt(deadline) === 0n) {
    const message = `is ${deadline}, and must be at least "runtime" for SCHED_DEADLINE, which is ${runtime}`;
    yield { pointer: `${at}/deadline`, message };
  }
  if (BigInt(period) !== 0n && period < deadline) {
    const message = `is ${period}, and must be 0 or at least "deadline", which is ${deadline}`;
    yield { pointer: `${at}/period`, message };
  }
}

const isMapped = (id: number, mappings: readonly (Draft<IdMapping> | undefined)[]) =>
  mappings.some((mapping) => {
    const { containerID: first, size } = mapping ?? {};
    // A range that the schema refused may have held the id.
    return first === undefined || size === undefined || (id >= first && id < first + size);
  });

function* idsOf(
  config: Draft<Config>,
): Generator<[pointer: string, id: number, side: "uid" | "gid"]> {
  const user = config.process?.user;
  if (user?.uid !== undefined) yield ["/process/user/uid", user.uid, "uid"];
  if (user?.gid !== undefined) yield ["/process/user/gid", user.gid, "gid"];
  for (const [index, gid] of entries(user?.additionalGids)) {
    yield [`/process/user/additionalGids/${index}`, gid, "gid"];
  }
}

/** setuid(2), setgid(2) and setgroups(2) refuse an id that the user namespace does not have. */
const userMapped: Rule = {
  id: "user-mapped",
  clause: "config.md#posix-platform-user",
  severity: "error",
  *check(config) {
    if (!hasNewNamespace(config, "user")) return;
    for (const [pointer, id, side] of idsOf(config)) {
      const name = side === "uid" ? "uidMappings" : "gidMappings";
      const mappings = config.linux?.[name];
      if (mappings === undefined || mappings.length === 0 || isMapped(id, mappings)) continue;
      yield { pointer, message: `is ${id}, which "linux.${name}" does not map` };
    }
  },
};

/** The idle class has no priorities, and runc's callers leave it out there. */
const ioPriorityComplete: Rule = {
  id: "io-priority-complete",
  clause: "config.md#linux-process",
  severity: "error",
  about: ["process", "ioPriority"],
  *check(config) {
    const asked = config.process?.ioPriority;
    if (asked?.class === undefined || asked.class === "IOPRIO_CLASS_IDLE") return;
    if (asked.priority !== undefined || isRefused(asked, "priority")) return;
    yield {
      pointer: "/process/ioPriority",
      message: `lacks "priority", which is required for ${asked.class}`,
    };
  },
};

export const processRules: readonly Rule[] = [
  programNamed,
  capabilitiesKnown,
  rlimitsUnique,
  rlimitsOrdered,
  consoleSizeFits,
  schedulerConsistent,
  ioPriorityComplete,
  userMapped,
];
