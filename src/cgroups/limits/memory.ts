import { RuntimeError } from "../../errors/runtime-error";
import type { MemoryLimits } from "../../generated/config";
import { isSet, isUnlimited, type LimitList, orMax, unsupported } from "./limit";

/** `linux.resources.memory`: config-linux.md#memory. */
export function listMemoryLimits(memory: MemoryLimits, list: LimitList): void {
  if (list.controller.version === 1) listLegacy(memory, list);
  else listUnified(memory, list);
}

function listLegacy(memory: MemoryLimits, list: LimitList): void {
  const { controller } = list;
  listLegacyLimits(memory, list);
  if (isSet(memory.reservation)) {
    list.write("reservation", "memory.soft_limit_in_bytes", memory.reservation);
  }
  // Current kernels take both and do nothing, or refuse; the specification lets a runtime ignore them.
  if (isSet(memory.kernel)) {
    list.write("kernel", "memory.kmem.limit_in_bytes", memory.kernel, "ignore");
  }
  if (isSet(memory.kernelTCP)) {
    list.write("kernelTCP", "memory.kmem.tcp.limit_in_bytes", memory.kernelTCP, "ignore");
  }
  if (memory.swappiness !== undefined) {
    list.write("swappiness", "memory.swappiness", memory.swappiness);
  }
  const { disableOOMKiller, useHierarchy } = memory;
  const oomKillerIsOff = controller.read("memory.oom_control")?.includes("oom_kill_disable 1");
  if (disableOOMKiller !== undefined && disableOOMKiller !== (oomKillerIsOff ?? false)) {
    list.write("disableOOMKiller", "memory.oom_control", disableOOMKiller ? 1 : 0);
  }
  const isHierarchical = controller.read("memory.use_hierarchy") === "1";
  if (useHierarchy !== undefined && useHierarchy !== isHierarchical) {
    list.write("useHierarchy", "memory.use_hierarchy", useHierarchy ? 1 : 0);
  }
}

const memoryFile = "memory.limit_in_bytes";
const memoryAndSwapFile = "memory.memsw.limit_in_bytes";

/** Memory alone may never have more than memory and swap together: whichever grows is written first. */
function listLegacyLimits({ limit, swap }: MemoryLimits, list: LimitList): void {
  const { controller } = list;
  const countsSwap = controller.has(memoryAndSwapFile);
  if (isSet(swap) && !countsSwap && !isUnlimited(swap)) {
    throw unsupported(
      list.pointerTo("swap"),
      `is ${swap}, and this kernel does not count swap (its parameter swapaccount=1 makes it)`,
    );
  }
  // Without a limit for memory one for swap makes no sense, and the kernel would keep the old one.
  const both = isSet(swap) ? swap : isSet(limit) && isUnlimited(limit) ? limit : undefined;
  const writeMemory = () => {
    if (isSet(limit)) list.write("limit", memoryFile, limit);
  };
  const writeBoth = () => {
    if (both !== undefined && countsSwap) list.write("swap", memoryAndSwapFile, both);
  };
  const current = controller.read(memoryAndSwapFile);
  const grows =
    isSet(limit) &&
    current !== undefined &&
    (isUnlimited(limit) || BigInt(limit) > BigInt(current));
  if (grows) writeBoth();
  writeMemory();
  if (!grows) writeBoth();
}

function listUnified(memory: MemoryLimits, list: LimitList): void {
  const { limit, reservation } = memory;
  const swap = checkedSwap(memory, list);
  if (memory.checkBeforeUpdate === true) assertAboveUsage(memory, list);
  if (swap !== undefined) {
    // Without swap there is nothing to be limited.
    const needsFile = !isUnlimited(swap) && swap !== 0n;
    if (list.controller.has("memory.swap.max")) list.write("swap", "memory.swap.max", orMax(swap));
    else if (needsFile)
      throw unsupported(list.pointerTo("swap"), "needs a kernel that counts swap");
  }
  if (isSet(limit)) list.write("limit", "memory.max", orMax(limit));
  if (isSet(reservation)) list.write("reservation", "memory.low", orMax(reservation));
  const { kernel, kernelTCP, swappiness, disableOOMKiller, useHierarchy } = memory;
  if (isSet(kernel) && !isUnlimited(kernel)) list.impossible("kernel", kernel);
  if (isSet(kernelTCP) && !isUnlimited(kernelTCP)) list.impossible("kernelTCP", kernelTCP);
  if (swappiness !== undefined) list.impossible("swappiness", swappiness);
  if (disableOOMKiller === true) list.impossible("disableOOMKiller", true);
  if (useHierarchy === false) list.impossible("useHierarchy", false);
}

/**
 * The specification counts memory and swap together, cgroup v2 counts swap alone. Undefined when there is nothing
 * to write, and for what makes no sense.
 */
export function swapAlone({ limit, swap }: MemoryLimits): bigint | undefined {
  if (!isSet(swap)) return isSet(limit) && isUnlimited(limit) ? -1n : undefined;
  if (isUnlimited(swap)) return -1n;
  if (!isSet(limit) || isUnlimited(limit)) return undefined;
  const alone = BigInt(swap) - BigInt(limit);
  return alone < 0n ? undefined : alone;
}

function checkedSwap(memory: MemoryLimits, list: LimitList): bigint | undefined {
  const { limit, swap } = memory;
  const alone = swapAlone(memory);
  if (alone !== undefined || !isSet(swap)) return alone;
  const problem =
    isSet(limit) && !isUnlimited(limit)
      ? `is ${swap}, memory and swap together, and must be at least "limit", which is ${limit}`
      : `is ${swap}, and cgroup v2 needs a limit of memory with it: it counts swap alone`;
  throw new RuntimeError("CONFIG_INVALID", `"${list.pointerTo("swap")}" ${problem}`);
}

/**
 * cgroup v2 kills to get below a new limit; with checkBeforeUpdate such a limit is refused instead, in the words
 * that callers know from runc.
 */
function assertAboveUsage({ limit, swap }: MemoryLimits, { controller }: LimitList): void {
  const used = BigInt(controller.read("memory.current") ?? 0);
  const both = used + BigInt(controller.read("memory.swap.current") ?? 0);
  for (const [what, most, usage] of [
    ["memory+swap", swap, both],
    ["memory", limit, used],
  ] as const) {
    if (!isSet(most) || isUnlimited(most) || BigInt(most) >= usage) continue;
    throw new RuntimeError("CGROUP_FAILED", `rejecting ${what} limit ${most} < usage ${usage}`);
  }
}
