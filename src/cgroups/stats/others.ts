import { count, limit, parseKeyed, type StatsFiles } from "./parse";
import type { HugePageStats, PidsStats } from "./types";

export function readPids(files: StatsFiles | undefined): PidsStats {
  return { current: count(files?.read("pids.current")), limit: limit(files?.read("pids.max")) };
}

/** Reserved pages, where the kernel counts them (Linux 5.7): those are what limits keep to. */
export function readHugePages(files: StatsFiles | undefined): Record<string, HugePageStats> {
  if (files === undefined) return {};
  const usageFile = files.version === 1 ? "usage_in_bytes" : "current";
  const names = files.names();
  const sizes = names.flatMap((name) => {
    const [controller, size = "", last] = name.split(".");
    return controller === "hugetlb" && last === usageFile ? [size] : [];
  });
  return Object.fromEntries(
    sizes.sort().map((size) => {
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
