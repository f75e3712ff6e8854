import type { BlockIoLimits, ThrottleDevice, WeightDevice } from "../../generated/config";
import { isSet, type LimitList, unsupported } from "./limit";

/** `linux.resources.blockIO`: config-linux.md#block-io. */
export function listBlockIoLimits(blockIO: BlockIoLimits, list: LimitList): void {
  if (list.controller.version === 1) listLegacy(blockIO, list);
  else listUnified(blockIO, list);
}

const deviceOf = ({ major, minor }: WeightDevice | ThrottleDevice) => `${major}:${minor}`;

/** CFQ, gone since Linux 5.0, had one set of files, and BFQ has another. */
const legacyWeightFiles = ["blkio.weight", "blkio.bfq.weight"];
const legacyDeviceFiles = ["blkio.weight_device", "blkio.bfq.weight_device"];
const noWeights = "no weights for block devices (CFQ had them until Linux 5.0; BFQ has)";

type ThrottleProperty =
  | "throttleReadBpsDevice"
  | "throttleWriteBpsDevice"
  | "throttleReadIOPSDevice"
  | "throttleWriteIOPSDevice";

/** Each property's file in cgroup v1, and its key in io.max. */
const throttles: Readonly<
  Record<ThrottleProperty, { readonly file: string; readonly key: string }>
> = {
  throttleReadBpsDevice: { file: "blkio.throttle.read_bps_device", key: "rbps" },
  throttleWriteBpsDevice: { file: "blkio.throttle.write_bps_device", key: "wbps" },
  throttleReadIOPSDevice: { file: "blkio.throttle.read_iops_device", key: "riops" },
  throttleWriteIOPSDevice: { file: "blkio.throttle.write_iops_device", key: "wiops" },
};

function listThrottles(
  blockIO: BlockIoLimits,
  write: (name: string, throttle: { file: string; key: string }, device: ThrottleDevice) => void,
): void {
  for (const name of Object.keys(throttles) as ThrottleProperty[]) {
    for (const [index, device] of (blockIO[name] ?? []).entries()) {
      write(`${name}/${index}`, throttles[name], device);
    }
  }
}

function listLegacy(blockIO: BlockIoLimits, list: LimitList): void {
  const firstOf = (files: readonly string[]) =>
    files.find((file) => list.controller.has(file)) ?? files[0] ?? "";
  if (isSet(blockIO.weight)) {
    list.writeIfThere("weight", firstOf(legacyWeightFiles), blockIO.weight, noWeights);
  }
  if (isSet(blockIO.leafWeight)) {
    list.writeIfThere("leafWeight", "blkio.leaf_weight", blockIO.leafWeight, noWeights);
  }
  for (const [index, entry] of (blockIO.weightDevice ?? []).entries()) {
    const name = `weightDevice/${index}`;
    const device = deviceOf(entry);
    if (isSet(entry.weight)) {
      const value = `${device} ${entry.weight}`;
      list.writeIfThere(`${name}/weight`, firstOf(legacyDeviceFiles), value, noWeights);
    }
    if (isSet(entry.leafWeight)) {
      const value = `${device} ${entry.leafWeight}`;
      list.writeIfThere(`${name}/leafWeight`, "blkio.leaf_weight_device", value, noWeights);
    }
  }
  listThrottles(blockIO, (name, { file }, device) => {
    list.write(name, file, `${deviceOf(device)} ${device.rate}`);
  });
}

function listUnified(blockIO: BlockIoLimits, list: LimitList): void {
  if (isSet(blockIO.leafWeight)) list.impossible("leafWeight", blockIO.leafWeight);
  if (isSet(blockIO.weight)) writeUnifiedWeight(list, "weight", "", blockIO.weight);
  for (const [index, entry] of (blockIO.weightDevice ?? []).entries()) {
    const name = `weightDevice/${index}`;
    if (isSet(entry.leafWeight)) list.impossible(`${name}/leafWeight`, entry.leafWeight);
    if (isSet(entry.weight)) {
      writeUnifiedWeight(list, `${name}/weight`, `${deviceOf(entry)} `, entry.weight);
    }
  }
  listThrottles(blockIO, (name, { key }, device) => {
    // Zero is no limit in cgroup v1, and refused by v2.
    list.write(
      name,
      "io.max",
      `${deviceOf(device)} ${key}=${isSet(device.rate) ? device.rate : "max"}`,
    );
  });
}

/** BFQ takes the specification's weights, 1 to 1000; io.weight is the cost model's, 1 to 10000. */
function writeUnifiedWeight(list: LimitList, name: string, device: string, weight: number): void {
  if (list.controller.has("io.bfq.weight")) {
    list.write(name, "io.bfq.weight", `${device}${weight}`);
    return;
  }
  if (!list.controller.has("io.weight")) {
    throw unsupported(list.pointerTo(name), `is ${weight}, and this kernel has ${noWeights}`);
  }
  list.write(name, "io.weight", `${device}${ioWeightOf(weight)}`);
}

/** From 10 to 1000 to a weight from 1 to 10000. */
export const ioWeightOf = (weight: number) => 1 + Math.trunc(((weight - 10) * 9999) / 990);
