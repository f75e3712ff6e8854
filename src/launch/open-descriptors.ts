import type { Addon } from "../addon/bindings";
import { closeFile, openFile } from "../host/files";
import type { DescriptorRequest } from "../plan/context";

/** Opens what the steps of a plan name, in the order in which the plan asked for it. */
export function openDescriptors(
  addon: Addon,
  wanted: readonly DescriptorRequest[],
  gateFd: number,
): number[] {
  const fds: number[] = [];
  try {
    for (const request of wanted) fds.push(openDescriptor(addon, request, gateFd));
    return fds;
  } catch (error) {
    closeDescriptors(fds, gateFd);
    throw error;
  }
}

function openDescriptor(addon: Addon, request: DescriptorRequest, gateFd: number): number {
  switch (request.kind) {
    case "gate":
      return gateFd;
    case "cgroupTasks":
      return openFile(request.path, "readWrite");
    case "namespace":
      return addon.openNamespace(request);
    case "idmap":
      return addon.openIdmap(request);
  }
}

/** The gate has an owner of its own. */
export function closeDescriptors(fds: readonly number[], gateFd: number): void {
  for (const fd of fds) if (fd !== gateFd) closeFile(fd);
}
