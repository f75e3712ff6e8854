/**
 * signal(7) by number, as on x86, Arm, RISC-V, s390 and PowerPC: the name, and what a process that it
 * ended says, in the words that users of runc search for.
 */
const signals: readonly (readonly [name: string, description: string])[] = [
  ["", "signal 0"],
  ["HUP", "hangup"],
  ["INT", "interrupt"],
  ["QUIT", "quit"],
  ["ILL", "illegal instruction"],
  ["TRAP", "trace/breakpoint trap"],
  ["ABRT", "aborted"],
  ["BUS", "bus error"],
  ["FPE", "floating point exception"],
  ["KILL", "killed"],
  ["USR1", "user defined signal 1"],
  ["SEGV", "segmentation fault"],
  ["USR2", "user defined signal 2"],
  ["PIPE", "broken pipe"],
  ["ALRM", "alarm clock"],
  ["TERM", "terminated"],
  ["STKFLT", "stack fault"],
  ["CHLD", "child exited"],
  ["CONT", "continued"],
  ["STOP", "stopped (signal)"],
  ["TSTP", "stopped"],
  ["TTIN", "stopped (tty input)"],
  ["TTOU", "stopped (tty output)"],
  ["URG", "urgent I/O condition"],
  ["XCPU", "CPU time limit exceeded"],
  ["XFSZ", "file size limit exceeded"],
  ["VTALRM", "virtual timer expired"],
  ["PROF", "profiling timer expired"],
  ["WINCH", "window changed"],
  ["IO", "I/O possible"],
  ["PWR", "power failure"],
  ["SYS", "bad system call"],
];

const synonyms: Readonly<Record<string, string>> = { IOT: "ABRT", CLD: "CHLD", POLL: "IO" };

// The C library keeps 32 and 33 for itself, so programs count real-time signals from 34.
const realTimeFirst = 34;
/** SIGRTMAX; there is none behind it. */
export const lastSignal = 64;

/**
 * The number of the signal that `text` means: `9`, `KILL`, `SIGKILL`, `RTMIN+1`, in any case.
 * Undefined when it means none. 0 is a signal: it asks only whether there is somebody to be signalled.
 */
export function parseSignal(text: string): number | undefined {
  const digits = wholeNumber(text);
  if (digits !== undefined) return withinRange(digits, 0);
  const upper = text.toUpperCase();
  const name = upper.startsWith("SIG") ? upper.slice("SIG".length) : upper;
  if (name.startsWith("RTMIN")) return realTime(name.slice("RTMIN".length), "+", realTimeFirst);
  if (name.startsWith("RTMAX")) return realTime(name.slice("RTMAX".length), "-", lastSignal);
  const proper = Object.hasOwn(synonyms, name) ? synonyms[name] : name;
  const number = signals.findIndex(([known]) => known === proper);
  return number > 0 ? number : undefined;
}

/** What to say of a process that the signal ended: "killed", "bad system call". */
export function signalDescription(number: number): string {
  return signals[number]?.[1] ?? `signal ${number}`;
}

/** A real-time signal by its distance from one end of their range: "", "+1", "-1". */
function realTime(distance: string, sign: "+" | "-", from: number): number | undefined {
  if (distance === "") return from;
  const steps = distance.startsWith(sign) ? wholeNumber(distance.slice(1)) : undefined;
  if (steps === undefined) return undefined;
  return withinRange(sign === "+" ? from + steps : from - steps, realTimeFirst);
}

function wholeNumber(text: string): number | undefined {
  const number = Number(text);
  return Number.isInteger(number) && String(number) === text && number >= 0 ? number : undefined;
}

function withinRange(number: number, least: number): number | undefined {
  return number >= least && number <= lastSignal ? number : undefined;
}
