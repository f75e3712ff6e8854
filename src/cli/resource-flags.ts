import type { CpuLimits, MemoryLimits, Resources } from "../generated/config";
import type { Flag } from "./flag";
import { quoted } from "./quoted";
import type { FlagValues } from "./scan";
import { UsageError } from "./usage-error";

/** The flags of `update` that stand for one property of `linux.resources` each, and what they become. */

const amountFlag = <const Name extends string>(name: Name, placeholder: string, help: string) =>
  ({ name, kind: "string", placeholder, help }) as const satisfies Flag;

export const resourceFlags = [
  amountFlag(
    "memory",
    "bytes",
    'limit of memory; as all sizes, "64M" is 64 MiB, and "-1" is no limit',
  ),
  amountFlag("memory-reservation", "bytes", "what the container may keep when memory is short"),
  amountFlag("memory-swap", "bytes", "limit of memory and swap together"),
  amountFlag("pids-limit", "n", 'limit of processes; "-1" is no limit'),
  amountFlag("cpu-period", "usec", "period that the quota is of, in microseconds"),
  amountFlag(
    "cpu-quota",
    "usec",
    'processor time in each period, in microseconds; "-1" is no limit',
  ),
  amountFlag("cpu-burst", "usec", "unused time that may be kept for later, in microseconds"),
  amountFlag("cpu-share", "n", "weight of processor time among siblings, from 2 to 262144"),
  amountFlag("cpu-rt-period", "usec", "period of real-time scheduling, in microseconds"),
  amountFlag("cpu-rt-runtime", "usec", "real-time processor time in each period, in microseconds"),
  amountFlag("cpu-idle", "0|1", "1 runs the container only where nothing else would"),
  amountFlag("cpuset-cpus", "list", 'processors, as "0-2,7"'),
  amountFlag("cpuset-mems", "list", 'memory nodes, as "0,1"'),
  amountFlag("blkio-weight", "n", "weight of block I/O among siblings, from 10 to 1000"),
  { ...amountFlag("kernel-memory", "bytes", "has no effect, as kernels have none"), hidden: true },
  {
    ...amountFlag("kernel-memory-tcp", "bytes", "has no effect, as kernels have none"),
    hidden: true,
  },
] as const satisfies readonly Flag[];

type Name = (typeof resourceFlags)[number]["name"];

/** Where a flag's value goes, and how it is written. */
interface Meaning {
  readonly flag: Name;
  readonly read: (text: string) => number | bigint | string | undefined;
  readonly expected: string;
}

const size = { read: parseSize, expected: 'a size such as "64M", or "-1"' };
const natural = { read: (text: string) => integer(text, 0n), expected: "a number from 0 on" };
const whole = { read: (text: string) => integer(text), expected: "a whole number" };
const list = { read: (text: string) => text, expected: "a list" };

const memory: Readonly<Partial<Record<keyof MemoryLimits, Meaning>>> = {
  limit: { flag: "memory", ...size },
  reservation: { flag: "memory-reservation", ...size },
  swap: { flag: "memory-swap", ...size },
};

const cpu: Readonly<Partial<Record<keyof CpuLimits, Meaning>>> = {
  period: { flag: "cpu-period", ...natural },
  quota: { flag: "cpu-quota", ...whole },
  burst: { flag: "cpu-burst", ...natural },
  shares: { flag: "cpu-share", ...natural },
  realtimePeriod: { flag: "cpu-rt-period", ...natural },
  realtimeRuntime: { flag: "cpu-rt-runtime", ...whole },
  idle: { flag: "cpu-idle", ...whole },
  cpus: { flag: "cpuset-cpus", ...list },
  mems: { flag: "cpuset-mems", ...list },
};

const pids = { limit: { flag: "pids-limit", ...whole } } as const;
const blockIO = { weight: { flag: "blkio-weight", ...natural } } as const;

/** What has no effect, and is no reason to fail: runc takes it, too. */
const withoutEffect = ["kernel-memory", "kernel-memory-tcp"] as const;

/** `linux.resources`, with what the flags name. Their values are checked as those of a config are. */
export function readResourceFlags(values: FlagValues<Name>): Resources {
  const members = { memory, cpu, pids, blockIO };
  const read = Object.entries(members).flatMap(([member, meanings]) => {
    const found = Object.entries(meanings).flatMap(([property, meaning]) => {
      const value = readValue(values, meaning as Meaning);
      return value === undefined ? [] : [[property, value]];
    });
    return found.length === 0 ? [] : [[member, Object.fromEntries(found)]];
  });
  return Object.fromEntries(read) as Resources;
}

/** The flags that were given and do nothing; their values have to be sizes all the same. */
export function flagsWithoutEffect(values: FlagValues<Name>): string[] {
  return withoutEffect.filter((flag) => readValue(values, { flag, ...size }) !== undefined);
}

/** An empty value is as good as no flag. */
function readValue(values: FlagValues<Name>, { flag, read, expected }: Meaning) {
  const text = values.text(flag);
  if (text === undefined || text === "") return undefined;
  const value = read(text);
  if (value !== undefined) return value;
  throw new UsageError(`invalid value for ${flag}: ${quoted(text)}, expected ${expected}`);
}

const units = "kmgtp";

/** Bytes, as docker writes them: "64M", "1.5g", "2 GiB" and "2048", in powers of 1024; "-1". */
export function parseSize(text: string): number | bigint | undefined {
  if (text === "-1") return -1;
  const match = /^(\d+)(?:\.(\d+))? ?([kmgtp])?i?b?$/i.exec(text);
  if (match === null) return undefined;
  const [, digits = "", fraction = "", unit = ""] = match;
  const scale = 1024n ** BigInt(unit === "" ? 0 : units.indexOf(unit.toLowerCase()) + 1);
  const part = (BigInt(fraction || "0") * scale) / 10n ** BigInt(fraction.length);
  return fitting(BigInt(digits) * scale + part);
}

function integer(text: string, least?: bigint): number | bigint | undefined {
  if (!/^[+-]?\d+$/.test(text)) return undefined;
  const value = BigInt(text.replace("+", ""));
  return least !== undefined && value < least ? undefined : fitting(value);
}

/** A number where that is exact, as the reader of JSON has it. */
const fitting = (value: bigint) => (BigInt.asIntN(53, value) === value ? Number(value) : value);
