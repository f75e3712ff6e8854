import { RuntimeError } from "../../errors/runtime-error";
import type { HugepageLimit, NetworkLimits, PidsLimit, RdmaLimit } from "../../generated/config";
import { escapePointerStep } from "../../spec/json-pointer";
import { type Amount, isUnlimited, type LimitList, orMax } from "./limit";

/** `linux.resources.pids`: config-linux.md#pids. */
export function listPidsLimits({ limit }: PidsLimit, list: LimitList): void {
  if (limit === undefined) return;
  list.write("limit", "pids.max", orMax(withProgram(limit)));
}

/**
 * The program itself counts as one, so 0 and 1 allow the same; with 0 no init could be born into a cgroup v2, and
 * systemd knows none.
 */
export const withProgram = (limit: Amount): Amount =>
  !isUnlimited(limit) && limit < 1 ? 1 : limit;

/** `linux.resources.hugepageLimits`: config-linux.md#huge-page-limits. */
export function listHugepageLimits(limits: readonly HugepageLimit[], list: LimitList): void {
  const limitFile = list.controller.version === 1 ? "limit_in_bytes" : "max";
  for (const [index, { pageSize, limit }] of limits.entries()) {
    const file = `hugetlb.${pageSize}.${limitFile}`;
    if (!list.controller.has(file)) {
      throw new RuntimeError(
        "CONFIG_UNSUPPORTED",
        `"${list.pointerTo(`${index}/pageSize`)}" is "${pageSize}", and this machine has ${pageSizes(list, limitFile)}`,
      );
    }
    list.write(`${index}/limit`, file, limit);
    // Counting what is reserved lets mmap fail, where counting faults kills: Linux 5.7 has both.
    const reserved = `hugetlb.${pageSize}.rsvd.${limitFile}`;
    if (list.controller.has(reserved)) list.write(`${index}/limit`, reserved, limit);
  }
}

function pageSizes(list: LimitList, limitFile: string): string {
  const sizes = list.controller.files().flatMap((file) => {
    const [controller, size = "", last] = file.split(".");
    return controller === "hugetlb" && last === limitFile ? [`"${size}"`] : [];
  });
  return sizes.length === 0 ? "no huge pages" : sizes.sort().join(", ");
}

/** `linux.resources.rdma`: config-linux.md#rdma. */
export function listRdmaLimits(rdma: Readonly<Record<string, RdmaLimit>>, list: LimitList): void {
  for (const [device, { hcaHandles, hcaObjects }] of Object.entries(rdma)) {
    const words = [
      device,
      ...(hcaHandles === undefined ? [] : [`hca_handle=${hcaHandles}`]),
      ...(hcaObjects === undefined ? [] : [`hca_object=${hcaObjects}`]),
    ];
    list.write(escapePointerStep(device), "rdma.max", words.join(" "));
  }
}

/** The class of `linux.resources.network`: config-linux.md#network. */
export function listNetworkClass({ classID }: NetworkLimits, list: LimitList): void {
  if (classID === undefined || classID === 0) return;
  if (list.controller.version === 2) list.impossible("classID", classID);
  list.write("classID", "net_cls.classid", classID);
}

/** The priorities of `linux.resources.network`. */
export function listNetworkPriorities({ priorities }: NetworkLimits, list: LimitList): void {
  for (const [index, { name, priority }] of (priorities ?? []).entries()) {
    if (list.controller.version === 2) list.impossible(`priorities/${index}`, priority);
    list.write(`priorities/${index}`, "net_prio.ifpriomap", `${name} ${priority}`);
  }
}
