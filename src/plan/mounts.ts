import type { IdMapping, Mount } from "../generated/config";
import { type MountOptions, parseMountOptions } from "../spec/mount-options";
import { cleanPath, isBelow, resolveFrom } from "../spec/paths";
import { planCgroupMount } from "./cgroup-mounts";
import type { MountContext, MountSource, PlanContext, PlannedStep } from "./context";
import { idMapText } from "./id-maps";
import { labelled, rootLabelOf } from "./labels";
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

function planMount(context: PlanContext, mount: Mount, property: string): PlannedStep[] {
  const options = parseMountOptions(mount.options ?? []);
  const target = cleanPath(mount.destination);
  if (options.remount) return [{ step: planRemount(target, options), property }];
  if (options.bind === "no" && mount.type === "cgroup")
    return planCgroupMount(context, target, options, property);
  return [planNewMount(context, mount, property)];
}

/** A mount that is made, and neither changed nor the view of the cgroups. */
export function planNewMount(context: MountContext, mount: Mount, property: string): PlannedStep {
  const options = parseMountOptions(mount.options ?? []);
  const target = cleanPath(mount.destination);
  const plan = options.bind === "no" ? planFilesystem : planBind;
  return { step: plan(context, mount, target, options), property };
}

/** A path below /proc that may be covered; which ones, the rule `mounts-inside-proc` has checked. */
const isInsideProc = (target: string) => Number(isBelow(target, "/proc"));

function planFilesystem(
  context: MountContext,
  mount: Mount,
  target: string,
  options: MountOptions,
) {
  const type = mount.type ?? "";
  const mapped = idmap(context, mount, options);
  return {
    op: "mountFilesystem",
    type,
    source: mount.source ?? type,
    target,
    options: labelled(context, type, options.data),
    sbFlags: options.sbFlagsSet,
    attributes: options.attrSet,
    recursiveSet: options.recSet,
    recursiveClear: options.recClear,
    propagation: options.propagation,
    copyUp: Number(options.copyUp),
    plainDirectory: Number(plainDirectoryTypes.has(type)),
    insideProc: isInsideProc(target),
    idmapFd: mapped === undefined ? noDescriptor : context.descriptor({ kind: "idmap", ...mapped }),
    idmapRecursive: Number(mapped?.recursive === true),
    rootLabel: rootLabelOf(context, type),
  } as const;
}

function planBind(context: MountContext, mount: Mount, target: string, options: MountOptions) {
  const source = resolveFrom(context.options.bundleDir, mount.source ?? "");
  const recursive = options.bind === "rbind";
  // The container's root may not be able to reach the source, nor to map its ids; the driver of root can. An
  // ordinary user's driver can no more than that root, which is the same user, and may not enter its namespaces.
  const sourceFd = context.sourceDescriptor?.(mountSourceOf(context, mount));
  const isThere = sourceFd !== undefined;
  const openedByDriver =
    !isThere && hasNamespace(context.namespaces, "user") && context.facts.euid === 0;
  const mapped = idmap(context, mount, options);
  const namesFlags = options.attrSet !== 0n || options.attrClear !== 0n;
  return {
    op: "bindMount",
    source,
    openedByDriver: Number(openedByDriver),
    sourceFd: sourceFd ?? noDescriptor,
    copySymlink: Number(options.copySymlink),
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
      isThere || openedByDriver || mapped === undefined
        ? noDescriptor
        : context.descriptor({ kind: "idmap", ...mapped }),
    idmapRecursive: Number(mapped?.recursive === true),
  } as const;
}

function planRemount(target: string, options: MountOptions) {
  return {
    op: "remount",
    target,
    bind: Number(options.bind !== "no"),
    options: options.data,
    sbFlags: options.sbFlagsSet,
    attributesSet: options.attrSet,
    attributesClear: options.attrClear,
    recursiveSet: options.recSet,
    recursiveClear: options.recClear,
    propagation: options.propagation,
  } as const;
}

interface Idmap {
  readonly uidMap: string;
  readonly gidMap: string;
  readonly recursive: boolean;
}

/** config.md#linux-mount-options: the mount's own mappings, or else the container's; undefined for none. */
function idmap({ config }: MountContext, mount: Mount, options: MountOptions): Idmap | undefined {
  const own = (mount.uidMappings?.length ?? 0) > 0;
  if (!own && options.idmap === "no") return undefined;
  const source:
    | { readonly uidMappings?: readonly IdMapping[]; readonly gidMappings?: readonly IdMapping[] }
    | undefined = own ? mount : config.linux;
  return {
    uidMap: idMapText(source?.uidMappings ?? []),
    gidMap: idMapText(source?.gidMappings ?? []),
    recursive: options.idmap === "ridmap",
  };
}

/** The sources that the driver opens: the same mounts as above, by the property that each step comes from. */
export function mountSourceOf(context: MountContext, mount: Mount): MountSource {
  const options = parseMountOptions(mount.options ?? []);
  const mapped = idmap(context, mount, options);
  return {
    path: resolveFrom(context.options.bundleDir, mount.source ?? ""),
    recursive: options.bind === "rbind",
    follow: !options.copySymlink,
    ...(mapped === undefined ? {} : { idmap: mapped }),
  };
}
