import type { Addon } from "../addon/bindings";
import { countMountsAt } from "../host/mounts";
import type { ContainerRecord } from "../state/record";

/** Takes away the mount that a container without a mount namespace made on the host, with all below it, and no other. */
export function detachHostMount(
  addon: Addon,
  { path, countBefore }: NonNullable<ContainerRecord["tsoci"]["hostMount"]>,
): void {
  if (countMountsAt(path) > countBefore) addon.detachMount({ path });
}
