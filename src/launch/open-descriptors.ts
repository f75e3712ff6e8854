import type { Addon } from "../addon/bindings";
import { closeFile, openFile } from "../host/files";
import type { DescriptorRequest, HeldName, Idmap, MountSource } from "../plan/context";
import { namespaceKinds } from "../spec/kernel-constants";

/** By their names; each has an owner, who closes it. */
export type HeldDescriptors = Readonly<Partial<Record<HeldName, number>>>;

/** Opens what the steps of a plan name, in the order in which the plan asked for it. */
export function openDescriptors(
  addon: Addon,
  wanted: readonly DescriptorRequest[],
  held: HeldDescriptors,
): number[] {
  const fds: number[] = [];
  try {
    for (const request of wanted) fds.push(openDescriptor(addon, request, held));
    return fds;
  } catch (error) {
    closeDescriptors(fds, held);
    throw error;
  }
}

function openDescriptor(addon: Addon, request: DescriptorRequest, held: HeldDescriptors): number {
  switch (request.kind) {
    case "held":
      return held[request.name] ?? -1;
    case "cgroupTasks":
      return openFile(request.path, "readWrite");
    case "namespace":
      return addon.openNamespace(request);
    case "idmap":
      return addon.openIdmap(request);
    case "mountSource":
      return openSource(addon, request, ownNamespace);
  }
}

const ownNamespace = -1;

/** A detached copy of a mount's source, as `pid` sees it. The caller closes it. */
export function openSource(addon: Addon, source: MountSource, pid: number): number {
  const { path, recursive, follow, idmap } = source;
  const idmapFd = idmap === undefined ? -1 : openIdmap(addon, idmap);
  try {
    const idmapRecursive = idmap?.recursive === true;
    return addon.openMountSource({ pid, path, recursive, follow, idmapFd, idmapRecursive });
  } finally {
    if (idmapFd >= 0) closeFile(idmapFd);
  }
}

function openIdmap(addon: Addon, idmap: Idmap): number {
  if (!("userNamespace" in idmap)) return addon.openIdmap(idmap);
  return addon.openNamespace({ path: idmap.userNamespace, nsType: namespaceKinds.user.flag });
}

export function closeDescriptors(fds: readonly number[], held: HeldDescriptors): void {
  const others = Object.values(held);
  for (const fd of fds) if (!others.includes(fd)) closeFile(fd);
}
