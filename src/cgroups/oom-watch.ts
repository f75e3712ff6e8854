import { statSync } from "node:fs";
import type { Addon } from "../addon/bindings";
import { isErrno, isGone } from "../errors/describe";
import { RuntimeError } from "../errors/runtime-error";
import { closeFile, openFile, readText, writeExisting } from "../host/files";
import { joinPath } from "../spec/paths";

/** Tells when a cgroup has run out of memory. */
export interface OomWatch {
  /** Readable when there may be something to tell. */
  readonly fd: number;
  /** Whether it has happened since it was last asked. */
  hasHappened(): boolean;
  /** Whether the cgroup is gone: there is nothing to wait for any more. */
  isOver(): boolean;
  close(): void;
}

/** `paths`: by controller, "" is v2. Undefined when nobody counts the cgroup's memory. */
export function watchOom(
  addon: Addon,
  { memory, "": unified }: Readonly<Record<string, string>>,
): OomWatch | undefined {
  const path = memory ?? unified;
  if (path === undefined) return undefined;
  try {
    return memory === undefined ? watchUnified(addon, path) : watchLegacy(addon, path);
  } catch (cause) {
    // A cgroup without the controller.
    if (isErrno(cause, "ENOENT")) return undefined;
    throw new RuntimeError("CGROUP_FAILED", `watch the memory of "${path}"`, { cause });
  }
}

/** The kernel counts in an eventfd: cgroup-v1/memory.rst, OOM Control. It does so too when the cgroup is removed. */
function watchLegacy(addon: Addon, path: string): OomWatch {
  const control = openFile(joinPath(path, "memory.oom_control"), "read");
  let fd: number | undefined;
  try {
    fd = addon.openEventfd();
    writeExisting(joinPath(path, "cgroup.event_control"), `${fd} ${control}`);
    return watching(fd, path, (isSame) => {
      addon.drain({ fd: fd as number });
      return isSame;
    });
  } catch (error) {
    if (fd !== undefined) closeFile(fd);
    throw error;
  } finally {
    closeFile(control);
  }
}

/** The file tells of each change, and counts the killed processes of all cgroups below, too (cgroup-v2.rst). */
function watchUnified(addon: Addon, path: string): OomWatch {
  const file = joinPath(path, "memory.events");
  const fd = addon.watchFile({ path: file });
  let known = killed(file);
  return watching(fd, path, () => {
    addon.drain({ fd });
    const before = known;
    known = killed(file);
    return known > before;
  });
}

function killed(file: string): number {
  try {
    return Number(/^oom_kill (\d+)$/m.exec(readText(file))?.[1] ?? 0);
  } catch (error) {
    if (isGone(error)) return 0;
    throw error;
  }
}

/** `look` hears whether the cgroup is still there: another one may have taken its name. */
function watching(fd: number, path: string, look: (isSame: boolean) => boolean): OomWatch {
  const inode = inodeOf(path);
  const isSame = () => inode !== undefined && inodeOf(path) === inode;
  return {
    fd,
    // Asked of the descriptor, as on v1 there is nothing else to ask.
    hasHappened: () => look(isSame()),
    isOver: () => !isSame(),
    close: () => closeFile(fd),
  };
}

const inodeOf = (path: string) => statSync(path, { bigint: true, throwIfNoEntry: false })?.ino;
