import { RuntimeError } from "../errors/runtime-error";
import type { HookRunner } from "../hooks/run-hooks";
import { isThere } from "../host/files";
import { writeProcFile } from "./proc-files";

/** Absolute, as a search in the caller's PATH would run whatever the caller put there with our say-so. */
const helperDirs = ["/usr/bin", "/usr/local/bin", "/bin"];
const helperDeadlineMs = 10_000;

interface IdMaps {
  readonly uidMap: string;
  readonly gidMap: string;
}

/** Writes the maps of the process's new user namespace, by newuidmap(1) and newgidmap(1) where we may not. */
export function writeIdMaps(
  runner: HookRunner,
  pid: number,
  maps: IdMaps,
  ids: { euid: number; egid: number },
): void {
  if (ids.euid === 0) {
    writeProcFile(pid, "gid_map", maps.gidMap);
    writeProcFile(pid, "uid_map", maps.uidMap);
    return;
  }
  if (mapsOnly(maps.uidMap, ids.euid) && mapsOnly(maps.gidMap, ids.egid)) {
    // Without a privilege the group map can be written only once groups cannot be dropped: CVE-2014-8989.
    writeProcFile(pid, "setgroups", "deny");
    writeProcFile(pid, "gid_map", maps.gidMap);
    writeProcFile(pid, "uid_map", maps.uidMap);
    return;
  }
  runMapHelper(runner, "newgidmap", pid, maps.gidMap);
  runMapHelper(runner, "newuidmap", pid, maps.uidMap);
}

function mapsOnly(map: string, hostId: number): boolean {
  return new RegExp(`^\\d+ ${hostId} 1\n$`).test(map);
}

function runMapHelper(runner: HookRunner, name: string, pid: number, map: string): void {
  const path = helperDirs.map((dir) => `${dir}/${name}`).find((candidate) => isThere(candidate));
  if (path === undefined) {
    throw new RuntimeError(
      "HOST_FAILED",
      `${name} is in none of ${helperDirs.join(", ")}, and an unprivileged user needs it to map more ids than their own (package uidmap)`,
    );
  }
  const args = [path, String(pid), ...map.trim().split(/\s+/)];
  const outcome = runner.addon.runHook({
    path,
    args,
    env: [],
    stdin: new Uint8Array(),
    cwd: "",
    timeoutMs: helperDeadlineMs,
    nofileSoft: -1n,
  });
  if (outcome.status !== 0 || outcome.signal !== 0 || outcome.timedOut) {
    throw new RuntimeError(
      "HOST_FAILED",
      `${args.join(" ")}: ${outcome.stderr.trim()} (exit status ${outcome.status})`,
    );
  }
}
