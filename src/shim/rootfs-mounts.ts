import type { Addon } from "../addon/bindings";
import { RuntimeError } from "../errors/runtime-error";
import type { Mount } from "../generated/shim/types";
import { UndoStack } from "../lifecycle/undo-stack";
import {
  MOUNT_ATTR__ATIME,
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NODIRATIME,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_NOSYMFOLLOW,
  MOUNT_ATTR_STRICTATIME,
  MS_NOATIME,
  MS_NODEV,
  MS_NODIRATIME,
  MS_NOEXEC,
  MS_NOSUID,
  MS_NOSYMFOLLOW,
  MS_RDONLY,
  MS_REC,
  MS_STRICTATIME,
} from "../spec/kernel-constants";
import type { MountOptions } from "../spec/mount-options";
import {
  fitData,
  lowerDirsOf,
  parseRootfsOptions,
  type RootfsOptions,
  refusal,
} from "./rootfs-options";

/** What mount(2) calls the attributes of a mount; read-only is among the flags of the file system. */
const attributeFlags: readonly (readonly [attribute: bigint, flag: number])[] = [
  [MOUNT_ATTR_NOSUID, MS_NOSUID],
  [MOUNT_ATTR_NODEV, MS_NODEV],
  [MOUNT_ATTR_NOEXEC, MS_NOEXEC],
  [MOUNT_ATTR_NOATIME, MS_NOATIME],
  [MOUNT_ATTR_STRICTATIME, MS_STRICTATIME],
  [MOUNT_ATTR_NODIRATIME, MS_NODIRATIME],
  [MOUNT_ATTR_NOSYMFOLLOW, MS_NOSYMFOLLOW],
];

/**
 * Mounts, in order, what containerd wants below `rootfsDir`; when one fails those before it are taken away again.
 * A target is looked up as a path of a container whose root `rootfsDir` is, so that it leads nowhere else.
 *
 * Throws USAGE for options that cannot be had, and HOST_FAILED when the kernel refuses.
 */
export function mountRootfs(addon: Addon, mounts: readonly Mount[], rootfsDir: string): void {
  const undo = new UndoStack();
  const opened: number[] = [];
  try {
    for (const mount of mounts) {
      try {
        mountOne(addon, mount, rootfsDir, undo, opened);
      } catch (cause) {
        const place = mount.target === "" ? rootfsDir : `${rootfsDir}: ${mount.target}`;
        const code = cause instanceof RuntimeError ? cause.code : "HOST_FAILED";
        throw new RuntimeError(code, `mount ${mount.type} "${mount.source}" on "${place}"`, {
          cause,
        });
      }
    }
  } catch (cause) {
    const left = undo.rollBack();
    if (left.length === 0) throw cause;
    throw new RuntimeError("HOST_FAILED", `left behind: ${left.join("; ")}`, { cause });
  } finally {
    for (const fd of opened) addon.closeFile({ fd });
  }
}

function mountOne(
  addon: Addon,
  mount: Mount,
  dir: string,
  undo: UndoStack,
  opened: number[],
): void {
  const options = parseRootfsOptions(mount.options);
  const { common } = options;
  const place = { dir, target: mount.target };
  const fd =
    common.bind === "no"
      ? mountNew(addon, mount, options, place)
      : openBind(addon, mount.source, options);
  opened.push(fd);
  if (common.bind !== "no") addon.attachMount({ fd, ...place });
  undo.push(`mount on "${dir}"`, () => addon.detachOpened({ fd }));
  for (const flags of common.propagation) {
    const recursive = (flags & MS_REC) !== 0;
    const propagation = BigInt(flags & ~MS_REC);
    addon.changeMount({ fd, recursive, set: 0n, clear: 0n, propagation });
  }
}

/** A copy of what is mounted at the source, not attached yet: nobody ever sees it writable that is to be read-only. */
function openBind(addon: Addon, source: string, options: RootfsOptions): number {
  const { common, idMaps } = options;
  if (options.loop) throw refusal('option "loop" is none of a bind mount');
  if (common.data.length > 0) {
    throw refusal(`option "${common.data[0]}" is none of a bind mount`);
  }
  return withIdMap(addon, idMaps, (idmapFd) => {
    const recursive = common.bind === "rbind";
    const request = { pid: -1, path: source, recursive, follow: true, idmapFd };
    const fd = addon.openMountSource({ ...request, idmapRecursive: true });
    try {
      changeAttributes(addon, fd, attributesOfBind(common), false);
      changeAttributes(addon, fd, { set: common.recSet, clear: common.recClear }, true);
    } catch (cause) {
      addon.closeFile({ fd });
      throw cause;
    }
    return fd;
  });
}

/** "rw" and its like only take back what was said before: what the source has for its own, or locked, stays. */
function attributesOfBind({ attrSet, attrClear }: MountOptions): { set: bigint; clear: bigint } {
  const times = attrClear & MOUNT_ATTR__ATIME;
  return { set: attrSet, clear: times === MOUNT_ATTR__ATIME ? times : 0n };
}

function changeAttributes(
  addon: Addon,
  fd: number,
  attributes: { readonly set: bigint; readonly clear: bigint },
  recursive: boolean,
): void {
  if ((attributes.set | attributes.clear) === 0n) return;
  addon.changeMount({ fd, recursive, ...attributes, propagation: 0n });
}

/** A new file system, of a device, of a file, or of nothing but its options. */
function mountNew(
  addon: Addon,
  mount: Mount,
  options: RootfsOptions,
  place: { readonly dir: string; readonly target: string },
): number {
  const { common, idMaps } = options;
  if ((common.recSet | common.recClear) !== 0n) {
    throw refusal("recursive options are for bind mounts: a new file system has none below it");
  }
  const { type } = mount;
  const idmapDirs = idMaps !== undefined && type === "overlay" ? lowerDirsOf(common.data) : [];
  const flags = flagsOf(common);
  const mountFrom = (source: string) =>
    withIdMap(addon, idMaps, (idmapFd) => {
      const data = fitData(type, common.data);
      return addon.mountFilesystem({ type, source, flags, ...data, ...place, idmapFd, idmapDirs });
    });
  if (!options.loop) return mountFrom(mount.source);
  const readOnly = (flags & MS_RDONLY) !== 0;
  const request = { path: mount.source, readOnly, directIo: options.directIo };
  const { fd, device } = addon.openLoop(request);
  try {
    return mountFrom(device);
  } finally {
    addon.closeFile({ fd });
  }
}

function flagsOf({ sbFlagsSet, attrSet }: MountOptions): number {
  return attributeFlags.reduce(
    (flags, [attribute, flag]) => ((attrSet & attribute) === 0n ? flags : flags | flag),
    sbFlagsSet,
  );
}

function withIdMap(
  addon: Addon,
  idMaps: RootfsOptions["idMaps"],
  use: (idmapFd: number) => number,
): number {
  if (idMaps === undefined) return use(-1);
  const fd = addon.openIdmap(idMaps);
  try {
    return use(fd);
  } finally {
    addon.closeFile({ fd });
  }
}

/** Takes away whatever is mounted at `rootfsDir`, with all below it; nothing, when there is none. */
export function unmountRootfs(addon: Addon, rootfsDir: string): void {
  for (;;) {
    try {
      addon.detachMount({ path: rootfsDir });
    } catch (cause) {
      // EINVAL says that nothing is mounted there, or that it is a link.
      const { code } = cause as NodeJS.ErrnoException;
      if (code === "EINVAL" || code === "ENOENT") return;
      throw new RuntimeError("HOST_FAILED", `unmount "${rootfsDir}"`, { cause });
    }
  }
}
