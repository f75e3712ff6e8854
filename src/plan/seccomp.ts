import type { CompileSeccompRequest, SeccompRule } from "../addon/bindings";
import type {
  Config,
  SeccompRule as ConfigRule,
  Seccomp,
  SeccompArgument,
} from "../generated/config";
import { askedOfCrun } from "../spec/crun-annotations";
import { resolveFrom } from "../spec/paths";

/** config-linux.md#seccomp: the errno where a profile names none. */
const EPERM = 1;

/**
 * linux/seccomp.h. TSYNC is dropped: the execve ends all threads but the one that loads the filter. The one
 * that hands the listener over must have no filter at all.
 */
const filterFlags = {
  SECCOMP_FILTER_FLAG_TSYNC: 0,
  SECCOMP_FILTER_FLAG_LOG: 2,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 4,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: 32,
} as const;
const newListener = 8;
/** Says how an agent is waited for: without an agent the kernel refuses it, and it means nothing. */
const ofListeners = filterFlags.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;

/** The actions that carry an errno, or data for a tracer. */
const actionsWithErrno: ReadonlySet<string> = new Set(["SCMP_ACT_ERRNO", "SCMP_ACT_TRACE"]);

/** Who answers the system calls that SCMP_ACT_NOTIFY is for. */
export interface SeccompListener {
  /** A unix socket of the host; absolute. */
  readonly path: string;
  readonly metadata?: string;
}

/** `linux.seccomp` as a request to the compiler. config-linux.md#seccomp */
export function planFilter(seccomp: Seccomp): CompileSeccompRequest {
  return {
    defaultAction: seccomp.defaultAction,
    defaultErrno: errnoOf(seccomp.defaultAction, seccomp.defaultErrnoRet),
    architectures: seccomp.architectures ?? [],
    rules: (seccomp.syscalls ?? []).map(planRule),
  };
}

/** Two profiles have the same text only if the compiler makes the same of them. */
export function filterText({
  defaultAction,
  defaultErrnoRet,
  architectures,
  syscalls,
}: Seccomp): string {
  const compiled = { defaultAction, defaultErrnoRet, architectures, syscalls };
  try {
    return JSON.stringify(compiled);
  } catch {
    // Numbers beyond 2^53 are bigints, which are rare and which JSON does not know.
    return JSON.stringify(compiled, (_key, value) =>
      typeof value === "bigint" ? `${value}n` : value,
    );
  }
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

/**
 * Flags of seccomp(2) for the filter. A profile that does not speak of flags gets SPEC_ALLOW; an empty list
 * means none (as runc has it).
 */
export function loadFlags(seccomp: Seccomp): number {
  const { flags = ["SECCOMP_FILTER_FLAG_SPEC_ALLOW"] } = seccomp;
  const asked = flags.reduce((bits, flag) => bits | filterFlags[flag], 0);
  return notifies(seccomp) ? asked | newListener : asked & ~ofListeners;
}

/** The rules have let SCMP_ACT_NOTIFY pass only where it may be. */
const notifies = ({ syscalls = [] }: Seccomp) =>
  syscalls.some(({ action }) => action === "SCMP_ACT_NOTIFY");

/** Undefined when no system call is to be answered, whatever `listenerPath` says: config-linux.md#seccomp. */
export function listenerOf(
  seccomp: Seccomp | undefined,
  bundleDir: string,
  annotations?: Config["annotations"],
): SeccompListener | undefined {
  const path = seccomp?.listenerPath || askedOfCrun(annotations, "seccompReceiver");
  if (seccomp === undefined || path === undefined || !notifies(seccomp)) return undefined;
  const { listenerMetadata } = seccomp;
  return {
    path: resolveFrom(bundleDir, path),
    ...(listenerMetadata === undefined ? {} : { metadata: listenerMetadata }),
  };
}
