import type { Addon } from "../addon/bindings";
import { openPidfdIf } from "../host/pidfds";
import type { ContainerRecord } from "./record";
import { readLiveInit } from "./status";

/** A pidfd of init, or undefined when it is gone. The caller closes it. */
export function openInit(addon: Addon, record: ContainerRecord): number | undefined {
  if (record.init_process_pid === 0) return undefined;
  return openPidfdIf(addon, record.init_process_pid, () => readLiveInit(record) !== undefined);
}
