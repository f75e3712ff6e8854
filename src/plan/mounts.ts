import type { IdMapping, Mount } from "../generated/config";
import {
  MOUNT_ATTR__ATIME,
  MOUNT_ATTR_RDONLY,
  MS_RDONLY,
  namespaceKinds,
} from "../spec/kernel-constants";
import { type MountOptions, parseMountOptions } from "../spec/mount-options";
import { isBelow, resolveFrom } from "../spec/paths";
import { planCgroupMount } from "./cgroup-mounts";
import type { DescriptorRequest, PlanContext, PlannedStep } from "./context";
import { idMapText } from "./id-maps";
import { labelled, rootLabelOf } from "./labels";
import { targetOf } from "./mount-target";
import { hasNamespace } from "./namespace-choice";

/** File systems whose mount point has to be a directory that no symbolic link leads to: CVE-2019-19921, CVE-2023-28642. */
const plainDirectoryTypes = new Set(["proc", "sysfs"]);

const noDescriptor = -1;

/** Where the program finds its notify socket: what runc calls it. */
export const notifyMountPoint = "/run/notify";

/**
 * The mounts, in the order of the config: config.md#mounts. Then the runtime's own, because one of the
 * config's may cover /run. It is a directory, so that a socket can come into it after the mount.
 */
export function mountsOf({
  config,
  options,
}: PlanContext): { readonly mount: Mount; readonly property: string }[] {
  const mounts = (config.mounts ?? []).map((mount, index) => ({
    mount,
    property: `/mounts/${index}`,
  }));
  if (options.notifyDir === undefined) return mounts;
  const notify: Mount = {
    destination: notifyMountPoint,
    source: options.notifyDir,
    options: ["bind", "nosuid", "noexec", "nodev", "ro"],
  };
  return [...mounts, { mount: notify, property: "" }];
}

export function planMounts(context: PlanContext): PlannedStep[] {
  return mountsOf(context).flatMap(({ mount, property }) => planMount(context, mount, property));
}

/**
 * Whether something has to be made in this mount after it is there: devices and links in /dev, mount points
 * of later mounts. A read-only one becomes so when that is done.
 */
function isFilledLater(context: PlanContext, mount: Mount, target: string): boolean {
  if (target === "/dev") return true;
  if (mount.type !== "tmpfs") return false;
  const { mounts = [] } = context.config;
  const place = mounts.indexOf(mount);
  return mounts.some((later, index) => index > place && isBelow(targetOf(context, later), target));
}

const isReadOnly = (options: MountOptions) => (options.attrSet & MOUNT_ATTR_RDONLY) !== 0n;

/** The file systems that could not be mounted read-only, now that nothing is made in them any more. */
export function planReadOnlyMounts(context: PlanContext): PlannedStep[] {
  return mountsOf(context).flatMap(({ mount, property }): PlannedStep[] => {
    if (!mount.options?.includes("ro")) return [];
    const options = parseMountOptions(mount.options);
    const isFilesystem = !options.remount && options.bind === "no" && mount.type !== "cgroup";
    const target = targetOf(context, mount);
    if (!isFilesystem || !isReadOnly(options) || !isFilledLater(context, mount, target)) return [];
    const step = planRemount(target, {
      ...parseMountOptions(["bind"]),
      attrSet: MOUNT_ATTR_RDONLY,
    });
    return [{ step, property }];
  });
}

function planMount(context: PlanContext, mount: Mount, property: string): PlannedStep[] {
  const options = parseMountOptions(mount.options ?? []);
  const target = targetOf(context, mount);
  if (options.remount) return [{ step: planRemount(target, options), property }];
  if (options.bind !== "no") return [{ step: planBind(context, mount, target, options), property }];
  if (mount.type === "cgroup") return planCgroupMount(context, target, options, property);
  return [{ step: planFilesystem(context, mount, target, options), property }];
}

/** A path below /proc that may be covered; which ones, the rule `mounts-inside-proc` has checked. */
const isInsideProc = (target: string) => Number(isBelow(target, "/proc"));

function planFilesystem(context: PlanContext, mount: Mount, target: string, options: MountOptions) {
  const type = mount.type ?? "";
  const mapped = idmap(context, mount, options);
  const isWritable = isReadOnly(options) && isFilledLater(context, mount, target);
  return {
    op: "mountFilesystem",
    type,
    source: mount.source ?? type,
    target,
    options: labelled(context, type, options.data),
    sbFlags: isWritable ? options.sbFlagsSet & ~MS_RDONLY : options.sbFlagsSet,
    attributes: isWritable ? options.attrSet & ~MOUNT_ATTR_RDONLY : options.attrSet,
    recursiveSet: options.recSet,
    recursiveClear: options.recClear,
    propagation: options.propagation,
    copyUp: Number(options.copyUp),
    plainDirectory: Number(plainDirectoryTypes.has(type)),
    insideProc: isInsideProc(target),
    idmapFd: mapped === undefined ? noDescriptor : context.descriptor(idmapRequest(mapped)),
    idmapRecursive: Number(mapped?.recursive === true),
    rootLabel: rootLabelOf(context, type),
  } as const;
}

function planBind(context: PlanContext, mount: Mount, target: string, options: MountOptions) {
  const source = resolveFrom(context.options.bundleDir, mount.source ?? "");
  const recursive = options.bind === "rbind";
  // The container's root may not be able to reach the source, nor to map its ids; the driver of root can. An
  // ordinary user's driver can no more than that root, which is the same user, and may not enter its namespaces.
  const openedByDriver = hasNamespace(context.namespaces, "user") && context.facts.euid === 0;
  const mapped = idmap(context, mount, options);
  const namesFlags = options.attrSet !== 0n || options.attrClear !== 0n;
  return {
    op: "bindMount",
    source,
    openedByDriver: Number(openedByDriver),
    target,
    recursive: Number(recursive),
    attributesSet: options.attrSet,
    attributesClear: options.attrClear,
    // As for mount(8): a bind mount without flags keeps the source's, one with flags has just those.
    replaceAttributes: Number(namesFlags),
    recursiveSet: options.recSet,
    recursiveClear: options.recClear,
    propagation: options.propagation,
    requireProc: Number(target === "/proc"),
    insideProc: isInsideProc(target),
    idmapFd:
      openedByDriver || mapped === undefined
        ? noDescriptor
        : context.descriptor(idmapRequest(mapped)),
    idmapRecursive: Number(mapped?.recursive === true),
  } as const;
}

function planRemount(target: string, options: MountOptions) {
  // The kernel takes access times as a whole: to take one back is to go back to its default.
  const times = (options.attrClear & MOUNT_ATTR__ATIME) === 0n ? 0n : MOUNT_ATTR__ATIME;
  return {
    op: "remount",
    target,
    bind: Number(options.bind !== "no"),
    options: options.data,
    sbFlags: options.sbFlagsSet,
    attributesSet: options.attrSet,
    attributesClear: options.attrClear | times,
    recursiveSet: options.recSet,
    recursiveClear: options.recClear,
    propagation: options.propagation,
  } as const;
}

type Idmap = { readonly recursive: boolean } & (
  | { readonly uidMap: string; readonly gidMap: string }
  /** The user namespace that the container joins, and whose mappings its config need not know. */
  | { readonly userNamespace: string }
);

const idmapRequest = (mapped: Idmap): DescriptorRequest =>
  "userNamespace" in mapped
    ? { kind: "namespace", path: mapped.userNamespace, nsType: namespaceKinds.user.flag }
    : { kind: "idmap", ...mapped };

/** config.md#linux-mount-options: the mount's own mappings, or else the container's; undefined for none. */
function idmap(
  { config, namespaces }: PlanContext,
  mount: Mount,
  options: MountOptions,
): Idmap | undefined {
  const own = (mount.uidMappings?.length ?? 0) > 0;
  const recursive = options.idmap === "ridmap";
  if (!own && options.idmap === "no") return undefined;
  const joined = namespaces.joined.find(({ type }) => type === "user");
  if (!own && joined !== undefined) return { userNamespace: joined.path, recursive };
  const source:
    | { readonly uidMappings?: readonly IdMapping[]; readonly gidMappings?: readonly IdMapping[] }
    | undefined = own ? mount : config.linux;
  return {
    uidMap: idMapText(source?.uidMappings ?? []),
    gidMap: idMapText(source?.gidMappings ?? []),
    recursive,
  };
}

/** A source that the driver opens for init, by the step that mounts it. */
export interface MountSource {
  readonly path: string;
  readonly recursive: boolean;
  readonly idmap?: Idmap;
}

/** The sources that the driver opens: the same mounts as above, by the property that each step comes from. */
export function mountSourceOf(context: PlanContext, mount: Mount): MountSource {
  const options = parseMountOptions(mount.options ?? []);
  const mapped = idmap(context, mount, options);
  return {
    path: resolveFrom(context.options.bundleDir, mount.source ?? ""),
    recursive: options.bind === "rbind",
    ...(mapped === undefined ? {} : { idmap: mapped }),
  };
}
