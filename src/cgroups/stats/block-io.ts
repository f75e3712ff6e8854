import { count, linesOf, parsePressure, type StatsFiles } from "./parse";
import type { BlockIoEntry, BlockIoStats } from "./types";

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

/** The files of cgroup v1 by who counts: a scheduler more than the throttling of all of them. */
const legacyFiles: readonly Partial<Readonly<Record<Quantity, string>>>[] = [
  {
    bytes: "blkio.bfq.io_service_bytes_recursive",
    operations: "blkio.bfq.io_serviced_recursive",
    queued: "blkio.bfq.io_queued_recursive",
    serviceTime: "blkio.bfq.io_service_time_recursive",
    waitTime: "blkio.bfq.io_wait_time_recursive",
    merged: "blkio.bfq.io_merged_recursive",
    time: "blkio.bfq.time_recursive",
    sectors: "blkio.bfq.sectors_recursive",
  },
  {
    bytes: "blkio.throttle.io_service_bytes_recursive",
    operations: "blkio.throttle.io_serviced_recursive",
  },
];

export function readBlockIo(files: StatsFiles | undefined): BlockIoStats {
  if (files === undefined) return nothing;
  if (files.version === 2) {
    const pressure = parsePressure(files.read("io.pressure"));
    return { ...nothing, ...parseIoStat(files.read("io.stat")), pressure };
  }
  for (const names of legacyFiles) {
    const quantities = Object.entries(names) as [Quantity, string][];
    const read = quantities.map(([quantity, name]) => [quantity, parseEntries(files.read(name))]);
    const stats = Object.fromEntries(read) as Pick<BlockIoStats, Quantity>;
    if (stats.bytes.length > 0) return { ...nothing, ...stats };
  }
  return nothing;
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

/** Lines such as "8:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0". */
function parseIoStat(text: string | undefined): Pick<BlockIoStats, "bytes" | "operations"> {
  const bytes: BlockIoEntry[] = [];
  const operations: BlockIoEntry[] = [];
  const targets: Readonly<Record<string, readonly [BlockIoEntry[], string]>> = {
    rbytes: [bytes, "Read"],
    wbytes: [bytes, "Write"],
    rios: [operations, "Read"],
    wios: [operations, "Write"],
  };
  for (const line of linesOf(text)) {
    const [device = "", ...pairs] = line.split(" ");
    for (const pair of pairs) {
      const [key = "", value] = pair.split("=");
      const [list, operation = ""] = targets[key] ?? [];
      list?.push({ ...deviceOf(device), operation, value: count(value) });
    }
  }
  return { bytes, operations };
}

function deviceOf(text: string): { readonly major: number; readonly minor: number } {
  const [major = 0, minor = 0] = text.split(":").map(Number);
  return { major, minor };
}
