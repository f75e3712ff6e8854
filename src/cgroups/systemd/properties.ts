import type { DbusVariant } from "../../addon/bindings";
import type { Resources } from "../../generated/config";
import { parseNumberList } from "../../spec/number-list";
import { ioWeightOf } from "../limits/block-io";
import { defaultPeriod, isShares, weightOfShares } from "../limits/cpu";
import { type Amount, isSet, isUnlimited } from "../limits/limit";
import { swapAlone } from "../limits/memory";
import { withProgram } from "../limits/others";
import type { AllowedDevice } from "./devices";
import type { Unit } from "./unit";

/** A property of a unit, as StartTransientUnit takes it. */
export interface Property extends DbusVariant {
  readonly name: string;
}

/** What the properties of a unit depend on besides the config. */
export interface ManagerFacts {
  readonly version: number;
  /** Whether cgroup v2 is all that the machine has. */
  readonly isUnified: boolean;
}

const infinity = 2n ** 64n - 1n;

/** What a unit is, whatever its container may use. `placeholderPid` is in its scope from the start. */
export function propertiesOfUnit(
  { name, slice }: Unit,
  id: string,
  { isUnified, placeholderPid }: { isUnified: boolean; placeholderPid: number | undefined },
): readonly Property[] {
  const isScope = placeholderPid !== undefined;
  const flags = [
    ...(isScope ? ["Delegate"] : []),
    "MemoryAccounting",
    "CPUAccounting",
    isUnified ? "IOAccounting" : "BlockIOAccounting",
    "TasksAccounting",
  ];
  return [
    text("Description", descriptionOf(id)),
    ...(name.endsWith(".slice") ? [{ name: "Wants", type: "as", value: [slice] }] : []),
    ...(isScope
      ? [text("Slice", slice), { name: "PIDs", type: "au", value: [placeholderPid] }]
      : []),
    { name: "DefaultDependencies", type: "b", value: false },
    text("CollectMode", "inactive-or-failed"),
    ...flags.map((flag) => ({ name: flag, type: "b", value: true })),
  ];
}

/** By which a unit of ours is known again. */
export const descriptionOf = (id: string) => `tsoci container ${id}`;

/** `undefined`: the devices are not limited. */
export function propertiesOfDevices(
  devices: readonly AllowedDevice[] | undefined,
): readonly Property[] {
  if (devices === undefined) return [text("DevicePolicy", "auto")];
  return [text("DevicePolicy", "strict"), { name: "DeviceAllow", type: "a(ss)", value: devices }];
}

/**
 * `linux.resources` as far as systemd has properties for it, so that it keeps the limits when it writes its own
 * again, as at a daemon-reload. It may round; the exact values are written by ourselves.
 */
export function propertiesOfResources(
  resources: Resources,
  facts: ManagerFacts,
): readonly Property[] {
  return [
    ...memoryProperties(resources, facts),
    ...cpuProperties(resources, facts),
    ...cpusetProperties(resources, facts),
    ...blockIoProperties(resources, facts),
    ...(facts.isUnified ? unifiedProperties(resources.unified ?? {}, facts) : []),
  ];
}

/** The limit of processes: apart, because what makes the container may need more of them than its program. */
export function propertiesOfTasks({ pids, unified = {} }: Resources): readonly Property[] {
  const asked = unified["pids.max"];
  if (asked !== undefined) return amount("TasksMax", amountOf(asked));
  if (pids?.limit === undefined) return [];
  return amount("TasksMax", withProgram(pids.limit));
}

function memoryProperties({ memory = {} }: Resources, { isUnified }: ManagerFacts): Property[] {
  const { limit, reservation } = memory;
  if (!isUnified) return setAmount("MemoryLimit", limit);
  return [
    ...setAmount("MemoryMax", limit),
    ...setAmount("MemoryLow", reservation),
    // What makes no sense our own writer refuses.
    ...amount("MemorySwapMax", swapAlone(memory)),
  ];
}

function cpuProperties({ cpu = {} }: Resources, facts: ManagerFacts): Property[] {
  const { shares, idle, quota, period } = cpu;
  const isIdle = idle === 1 && facts.version >= 252;
  const isInRange = isSet(shares) && isShares(shares);
  const weight = isInRange ? weightOfShares(Number(shares)) : undefined;
  return [
    ...(facts.isUnified
      ? amount("CPUWeight", isIdle ? 0 : weight)
      : amount("CPUShares", isInRange ? shares : undefined)),
    ...quotaProperties(quota, period, facts),
  ];
}

/** What systemd counts a quota by, in microseconds of each second. */
const quotaStep = 10_000n;
const second = 1_000_000n;

function quotaProperties(
  quota: Amount | undefined,
  period: Amount | undefined,
  { version }: ManagerFacts,
): Property[] {
  const every = BigInt(isSet(period) ? period : defaultPeriod);
  const inSecond =
    !isSet(quota) || isUnlimited(quota) ? -1n : roundUp((BigInt(quota) * second) / every);
  return [
    ...(version >= 242 && isSet(period) ? amount("CPUQuotaPeriodUSec", every) : []),
    ...(isSet(quota) ? amount("CPUQuotaPerSecUSec", inSecond) : []),
  ];
}

const roundUp = (perSecond: bigint) => ((perSecond + quotaStep - 1n) / quotaStep) * quotaStep;

function cpusetProperties({ cpu = {} }: Resources, facts: ManagerFacts): Property[] {
  if (!facts.isUnified) return [];
  return [
    ...numberSet("AllowedCPUs", cpu.cpus, facts),
    ...numberSet("AllowedMemoryNodes", cpu.mems, facts),
  ];
}

const largestNumber = 8191;

/** The bits of a set, eight to a byte, the lowest first. What is no list our own writer refuses. */
function numberSet(name: string, list: string | undefined, { version }: ManagerFacts): Property[] {
  const parsed = parseNumberList(list ?? "", largestNumber);
  if (version < 244 || "mistake" in parsed || parsed.numbers.length === 0) return [];
  const bytes = new Array<number>(((parsed.numbers.at(-1) ?? 0) >> 3) + 1).fill(0);
  for (const number of parsed.numbers)
    bytes[number >> 3] = (bytes[number >> 3] ?? 0) | (1 << (number & 7));
  return [{ name, type: "ay", value: bytes }];
}

function blockIoProperties({ blockIO = {} }: Resources, { isUnified }: ManagerFacts): Property[] {
  const { weight } = blockIO;
  if (!isSet(weight)) return [];
  return isUnified ? amount("IOWeight", ioWeightOf(weight)) : amount("BlockIOWeight", weight);
}

/** Files of `linux.resources.unified` that systemd has a property for. */
const propertyOfFile: Readonly<Record<string, string>> = {
  "memory.min": "MemoryMin",
  "memory.low": "MemoryLow",
  "memory.high": "MemoryHigh",
  "memory.max": "MemoryMax",
  "memory.swap.max": "MemorySwapMax",
  "cpu.weight": "CPUWeight",
};

function unifiedProperties(
  files: Readonly<Record<string, string>>,
  facts: ManagerFacts,
): Property[] {
  return Object.entries(files).flatMap(([file, content]) => {
    const name = propertyOfFile[file];
    if (name !== undefined) return amount(name, amountOf(content));
    if (file === "cpuset.cpus") return numberSet("AllowedCPUs", content, facts);
    if (file === "cpuset.mems") return numberSet("AllowedMemoryNodes", content, facts);
    if (file !== "cpu.max") return [];
    const [most = "", every = String(defaultPeriod)] = content.trim().split(/\s+/);
    return quotaProperties(amountOf(most), amountOf(every), facts);
  });
}

/** What is no amount in words of cgroup v2 is the kernel's to refuse. */
function amountOf(content: string): bigint | undefined {
  const word = content.trim();
  if (word === "max") return -1n;
  return /^\d+$/.test(word) ? BigInt(word) : undefined;
}

const text = (name: string, value: string): Property => ({ name, type: "s", value });

function amount(name: string, value: Amount | undefined): Property[] {
  if (value === undefined) return [];
  return [{ name, type: "t", value: isUnlimited(value) ? infinity : BigInt(value) }];
}

/** Zero stands for what nobody set. */
const setAmount = (name: string, value: Amount | undefined) =>
  amount(name, isSet(value) ? value : undefined);
