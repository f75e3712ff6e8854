import { count, limit, linesOf, parseKeyed, type StatsFiles } from "./parse";
import type { HugePageStats, PidsStats, RdmaEntry } from "./types";

export function readPids(files: StatsFiles | undefined): PidsStats {
  return { current: count(files?.read("pids.current")), limit: limit(files?.read("pids.max")) };
}

const usageFiles = { 1: "usage_in_bytes", 2: "current" } as const;

/** The sizes of huge pages that are counted, as "2MB". */
export function hugePageSizes(files: StatsFiles): string[] {
  const sizes = files.names().flatMap((name) => {
    const [controller, size = "", last] = name.split(".");
    return controller === "hugetlb" && last === usageFiles[files.version] ? [size] : [];
  });
  return sizes.sort();
}

/** Reserved pages, where the kernel counts them (Linux 5.7): those are what limits keep to. */
export function readHugePages(files: StatsFiles | undefined): Record<string, HugePageStats> {
  if (files === undefined) return {};
  const usageFile = usageFiles[files.version];
  const names = files.names();
  return Object.fromEntries(
    hugePageSizes(files).map((size) => {
      const plain = `hugetlb.${size}`;
      const reserved = `${plain}.rsvd`;
      const prefix = names.includes(`${reserved}.${usageFile}`) ? reserved : plain;
      return [
        size,
        files.version === 1 ? readLegacy(files, prefix) : readUnified(files, plain, prefix),
      ];
    }),
  );
}

const readLegacy = (files: StatsFiles, prefix: string): HugePageStats => ({
  usageBytes: count(files.read(`${prefix}.usage_in_bytes`)),
  peakBytes: count(files.read(`${prefix}.max_usage_in_bytes`)),
  failures: count(files.read(`${prefix}.failcnt`)),
});

const readUnified = (files: StatsFiles, plain: string, prefix: string): HugePageStats => ({
  usageBytes: count(files.read(`${prefix}.current`)),
  peakBytes: undefined,
  failures: parseKeyed(files.read(`${plain}.events`)).max ?? 0,
});

/** Lines such as "mlx4_0 hca_handle=2 hca_object=max". Undefined when there is no such file. */
export function parseRdma(text: string | undefined): RdmaEntry[] | undefined {
  if (text === undefined) return undefined;
  return linesOf(text).map((line) => {
    const [device = "", ...pairs] = line.split(" ");
    const values = new Map(pairs.map((pair) => pair.split("=") as [string, string]));
    return {
      device,
      handles: limit(values.get("hca_handle")),
      objects: limit(values.get("hca_object")),
    };
  });
}
