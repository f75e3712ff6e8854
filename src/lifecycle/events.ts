import { type OomWatch, watchOom } from "../cgroups/oom-watch";
import { readCgroupStats } from "../cgroups/stats/read-stats";
import type { CgroupStats } from "../cgroups/stats/types";
import { closeFile } from "../host/files";
import { openInit } from "../state/open-init";
import type { ContainerRecord } from "../state/record";
import { readStatus } from "../state/status";
import { loadRecord } from "../state/store";
import { assertAllowed, wrongStatus } from "./allowed";
import type { RuntimeOptions } from "./requests";

/** Who is told of a container. */
export interface EventListener {
  onStats(stats: CgroupStats): void;
  onOom(): void;
}

/** poll(2) takes an int. */
const longestTimeoutMs = 2 ** 31 - 1;

/** What the kernel counts of a container that has not stopped. */
export function readContainerStats(
  { stateRoot }: Pick<RuntimeOptions, "stateRoot">,
  id: string,
): CgroupStats {
  return readCgroupStats(loadLiving(stateRoot, id).cgroup_paths);
}

/** Tells of the container every `intervalMs`, and whenever it runs out of memory, until it has ended. */
export function watchContainer(
  { addon, stateRoot }: RuntimeOptions,
  { id, intervalMs }: { readonly id: string; readonly intervalMs: number },
  listener: EventListener,
): void {
  const { record, pidfd } = openLiving(addon, stateRoot, id);
  let oom: OomWatch | undefined;
  try {
    oom = watchOom(addon, record.cgroup_paths);
    const fds = oom === undefined ? [pidfd] : [pidfd, oom.fd];
    let next = Date.now() + intervalMs;
    while (true) {
      const timeoutMs = Math.min(Math.max(0, next - Date.now()), longestTimeoutMs);
      const ready = addon.waitReadable({ fds, timeoutMs });
      // Before the end of init, which it may have been the reason of.
      if (oom !== undefined && ready.includes(oom.fd) && oom.hasHappened()) listener.onOom();
      if (ready.includes(pidfd)) return;
      if (Date.now() < next) continue;
      listener.onStats(readCgroupStats(record.cgroup_paths));
      next = Math.max(next + intervalMs, Date.now());
    }
  } finally {
    oom?.close();
    closeFile(pidfd);
  }
}

function loadLiving(stateRoot: string, id: string): ContainerRecord {
  const record = loadRecord(stateRoot, id);
  assertAllowed("events", id, readStatus(stateRoot, record));
  return record;
}

function openLiving(addon: RuntimeOptions["addon"], stateRoot: string, id: string) {
  const record = loadLiving(stateRoot, id);
  const pidfd = openInit(addon, record);
  // It may have ended since.
  if (pidfd === undefined) throw wrongStatus("events", id, "stopped");
  return { record, pidfd };
}
