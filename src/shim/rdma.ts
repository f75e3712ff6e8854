import { parseRdma } from "../cgroups/stats/others";
import type { StatsFiles } from "../cgroups/stats/parse";
import type { Count } from "../cgroups/stats/types";

/** What a message has for a limit that is not there; counts have 32 bits here. */
const maxUint32 = 2 ** 32 - 1;

const uint32 = (value: Count | undefined) =>
  value === undefined ? maxUint32 : Math.min(Math.max(0, Number(value)), maxUint32);

/** The entries of `rdma.current` or `rdma.max`, the same for v1 and v2. Undefined when there is no such file. */
export const rdmaEntries = (files: StatsFiles, file: "rdma.current" | "rdma.max") =>
  parseRdma(files.read(file))?.map(({ device, handles, objects }) => ({
    device,
    hcaHandles: uint32(handles),
    hcaObjects: uint32(objects),
  }));
