import type { CompileSeccompRequest, SeccompRule } from "../addon/bindings";
import type { SeccompRule as ConfigRule, Seccomp, SeccompArgument } from "../generated/config";

/** config-linux.md#seccomp: the errno where a profile names none. */
const EPERM = 1;

/** linux/seccomp.h. TSYNC is dropped: init has one thread, so there is nothing to synchronise. */
const filterFlags = {
  SECCOMP_FILTER_FLAG_TSYNC: 0,
  SECCOMP_FILTER_FLAG_LOG: 2,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 4,
  // Says how an agent is waited for. Without an agent the kernel refuses it, and it means nothing.
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: 0,
} as const;

/** The actions that carry an errno, or data for a tracer. */
const actionsWithErrno: ReadonlySet<string> = new Set(["SCMP_ACT_ERRNO", "SCMP_ACT_TRACE"]);

export interface SeccompPlan {
  /** What libseccomp shall compile. */
  readonly compile: CompileSeccompRequest;
  /** Flags of seccomp(2) for the filter. */
  readonly flags: number;
  /** Why this profile cannot be applied; undefined when it can. */
  readonly refusal: string | undefined;
}

/** `linux.seccomp` as a request to the compiler. config-linux.md#seccomp */
export function planSeccomp(seccomp: Seccomp): SeccompPlan {
  return {
    compile: {
      defaultAction: seccomp.defaultAction,
      defaultErrno: errnoOf(seccomp.defaultAction, seccomp.defaultErrnoRet),
      architectures: seccomp.architectures ?? [],
      rules: (seccomp.syscalls ?? []).map(planRule),
    },
    flags: flagsOf(seccomp),
    refusal: refusalOf(seccomp),
  };
}

function planRule(rule: ConfigRule): SeccompRule {
  return {
    names: rule.names,
    action: rule.action,
    errno: errnoOf(rule.action, rule.errnoRet),
    args: (rule.args ?? []).map(planArgument),
  };
}

function planArgument({
  index,
  op,
  value,
  valueTwo,
}: SeccompArgument): SeccompRule["args"][number] {
  return { index, op, value: BigInt(value), valueTwo: BigInt(valueTwo ?? 0) };
}

function errnoOf(action: string, errno: number | undefined): number {
  return actionsWithErrno.has(action) ? (errno ?? EPERM) : 0;
}

/** A profile that does not speak of flags gets SPEC_ALLOW; an empty list means none (as runc has it). */
function flagsOf({ flags = ["SECCOMP_FILTER_FLAG_SPEC_ALLOW"] }: Seccomp): number {
  return flags.reduce((bits, flag) => bits | filterFlags[flag], 0);
}

function refusalOf({ defaultAction, syscalls = [] }: Seccomp): string | undefined {
  const notify = "SCMP_ACT_NOTIFY";
  const problem = `is "${notify}", which this version does not apply`;
  if (defaultAction === notify) return `"defaultAction" ${problem}`;
  const rule = syscalls.find(({ action }) => action === notify);
  return rule && `"action" of "${rule.names.join('", "')}" ${problem}`;
}
