import { isErrno } from "../errors/describe";
import { readText } from "./files";

/** A process as /proc/PID/stat shows it: pid and start time together name it for ever (proc(5)). */
export interface ProcessStatus {
  readonly comm: string;
  /** One letter: R, S, D, T, Z, X … */
  readonly state: string;
  /** Clock ticks since boot. */
  readonly startTimeTicks: number;
  /** Whether it is on its way out; it closes its files before its state says that it has ended. */
  readonly isEnding: boolean;
}

const stateField = 3;
const flagsField = 9;
const startTimeField = 22;
/** linux/sched.h. */
const PF_EXITING = 0x4;

/** Undefined when there is no such process. */
export function readProcessStatus(pid: number): ProcessStatus | undefined {
  let text: string;
  try {
    text = readText(`/proc/${pid}/stat`);
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "ESRCH")) return undefined;
    throw error;
  }
  // The name may hold blanks and parentheses itself; the last one ends it.
  const nameEnd = text.lastIndexOf(")");
  const fields = text.slice(nameEnd + 2).split(" ");
  return {
    comm: text.slice(text.indexOf("(") + 1, nameEnd),
    state: fields[0] ?? "",
    isEnding: (Number(fields[flagsField - stateField]) & PF_EXITING) !== 0,
    startTimeTicks: Number(fields[startTimeField - stateField]),
  };
}

export function readBootId(): string {
  return readText("/proc/sys/kernel/random/boot_id").trim();
}
