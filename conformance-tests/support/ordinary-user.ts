import { chownSync, cpSync, existsSync, linkSync, mkdirSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Config, withUserNamespace } from "./config";
import type { Container } from "./container";
import { runtimePath, scratchDir } from "./environment";
import type { CallOptions } from "./runtime";

/** Debian's nobody: a user who owns nothing on the machine. */
export const ordinaryId = 65534;

/** The program before what this user runs. */
export const becomeOrdinary = [
  "setpriv",
  `--reuid=${ordinaryId}`,
  `--regid=${ordinaryId}`,
  "--clear-groups",
] as const;

/**
 * How this user calls the runtime. With `ranges`, /etc/subuid and /etc/subgid are that file in the mount
 * namespace of the call. The repository may be where no user but root can look, so the runtime is elsewhere.
 */
export function asOrdinaryUser(ranges?: string): CallOptions {
  const bind = 'mount --bind "$0" /etc/subuid && mount --bind "$0" /etc/subgid && exec "$@"';
  const through =
    ranges === undefined
      ? becomeOrdinary
      : [
          "unshare",
          "--mount",
          "--propagation=private",
          "sh",
          "-c",
          bind,
          ranges,
          ...becomeOrdinary,
        ];
  return { through, runtime: reachableRuntime() };
}

/** What an ordinary user may ask for: the user alone is mapped, and the cgroup is nobody's choice. */
export function unprivileged(config: Config, ids: { uid: number; gid: number }): void {
  withUserNamespace(config);
  config.linux.uidMappings = [{ containerID: 0, hostID: ids.uid, size: 1 }];
  config.linux.gidMappings = [{ containerID: 0, hostID: ids.gid, size: 1 }];
  config.mounts = config.mounts
    .filter(({ type }) => type !== "cgroup" && type !== "sysfs")
    .map((mount) => ({
      ...mount,
      ...(mount.options && { options: mount.options.filter((word) => !/^[ug]id=/.test(word)) }),
    }));
  delete config.linux.cgroupsPath;
  delete config.linux.resources;
}

/** Gives the user what is made for a container outside of its rootfs. */
export function giveTo(box: Container): void {
  chownSync(box.dir, ordinaryId, ordinaryId);
}

function reachableRuntime(): string {
  const prefix = join(scratchDir(), "prefix");
  const installed = join(prefix, "bin", "tsoci");
  if (existsSync(installed)) return installed;
  const from = dirname(dirname(runtimePath));
  for (const part of ["lib/tsoci", "bin"]) {
    mkdirSync(join(prefix, part), { recursive: true });
    for (const name of readdirSync(join(from, part))) {
      linkOrCopy(join(from, part, name), join(prefix, part, name));
    }
  }
  return installed;
}

/** A link costs nothing, and cannot lead to another file system. */
function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    cpSync(from, to);
  }
}
