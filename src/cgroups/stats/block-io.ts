import { count, linesOf, parsePressure, type StatsFiles } from "./parse";
import type { BlockIoEntry, BlockIoStats, Count } from "./types";

type Quantity = Exclude<keyof BlockIoStats, "pressure">;

const nothing: BlockIoStats = {
  bytes: [],
  operations: [],
  queued: [],
  serviceTime: [],
  waitTime: [],
  merged: [],
  time: [],
  sectors: [],
  pressure: undefined,
};

/** The files of cgroup v1 by who counts: the scheduler BFQ counts its own devices, and more of them. */
const bfqFiles: Partial<Readonly<Record<Quantity, string>>> = {
  bytes: "blkio.bfq.io_service_bytes_recursive",
  operations: "blkio.bfq.io_serviced_recursive",
  queued: "blkio.bfq.io_queued_recursive",
  serviceTime: "blkio.bfq.io_service_time_recursive",
  waitTime: "blkio.bfq.io_wait_time_recursive",
  merged: "blkio.bfq.io_merged_recursive",
  time: "blkio.bfq.time_recursive",
  sectors: "blkio.bfq.sectors_recursive",
};

/** The throttling counts all devices. */
const throttleFiles: Partial<Readonly<Record<Quantity, string>>> = {
  bytes: "blkio.throttle.io_service_bytes_recursive",
  operations: "blkio.throttle.io_serviced_recursive",
};

/** On v1 what BFQ counts, if it has counted anything, and else what the throttling does. */
export function readBlockIo(files: StatsFiles | undefined): BlockIoStats {
  if (files === undefined) return nothing;
  if (files.version === 2) {
    const pressure = parsePressure(files.read("io.pressure"));
    return { ...nothing, ...readUnified(files), pressure };
  }
  const bfq = readLegacy(files, bfqFiles);
  return bfq.bytes.length > 0 ? bfq : readLegacy(files, throttleFiles);
}

/** Of v1: bytes and operations of all devices, and what only BFQ counts of its own. */
export function readBlockIoOfAll(files: StatsFiles): BlockIoStats {
  const bfq = readLegacy(files, bfqFiles);
  const { bytes, operations } = readLegacy(files, throttleFiles);
  return bytes.length > 0 ? { ...bfq, bytes, operations } : bfq;
}

function readLegacy(
  files: StatsFiles,
  names: Partial<Readonly<Record<Quantity, string>>>,
): BlockIoStats {
  const quantities = Object.entries(names) as [Quantity, string][];
  const read = quantities.map(([quantity, name]) => [quantity, parseEntries(files.read(name))]);
  return { ...nothing, ...(Object.fromEntries(read) as Pick<BlockIoStats, Quantity>) };
}

/** Lines such as "8:0 Read 4096", "8:0 17", and last "Total 4096", which is of no device. */
function parseEntries(text: string | undefined): BlockIoEntry[] {
  return linesOf(text).flatMap((line) => {
    const words = line.split(" ");
    const [device = ""] = words;
    if (!device.includes(":")) return [];
    const operation = words.length > 2 ? (words[1] ?? "") : "";
    return [{ ...deviceOf(device), operation, value: count(words.at(-1)) }];
  });
}

/** A device's line in io.stat. */
export interface IoStatLine {
  readonly major: number;
  readonly minor: number;
  /** By the kernel's name: "rbytes". */
  readonly counts: Readonly<Record<string, Count>>;
}

/** Lines such as "8:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0". */
export function parseIoStat(text: string | undefined): IoStatLine[] {
  return linesOf(text).map((line) => {
    const [device = "", ...pairs] = line.split(" ");
    const counts: Record<string, Count> = Object.create(null);
    for (const pair of pairs) {
      const [key = "", value] = pair.split("=");
      counts[key] = count(value);
    }
    return { ...deviceOf(device), counts };
  });
}

const unifiedCounts = [
  ["bytes", "rbytes", "Read"],
  ["bytes", "wbytes", "Write"],
  ["operations", "rios", "Read"],
  ["operations", "wios", "Write"],
] as const;

function readUnified(files: StatsFiles): Pick<BlockIoStats, "bytes" | "operations"> {
  const stats: Record<"bytes" | "operations", BlockIoEntry[]> = { bytes: [], operations: [] };
  for (const { major, minor, counts } of parseIoStat(files.read("io.stat"))) {
    for (const [quantity, key, operation] of unifiedCounts) {
      const value = counts[key];
      if (value !== undefined) stats[quantity].push({ major, minor, operation, value });
    }
  }
  return stats;
}

function deviceOf(text: string): { readonly major: number; readonly minor: number } {
  const [major = 0, minor = 0] = text.split(":").map(Number);
  return { major, minor };
}
