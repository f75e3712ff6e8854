import { isErrno } from "../errors/describe";
import { RuntimeError } from "../errors/runtime-error";
import { isThere, writeNew } from "../host/files";
import { defaultConfig } from "../spec/default-config";

/** `spec`: writes a config.json to start from. */
export function writeSpec(options: {
  readonly bundleDir: string;
  readonly rootless: boolean;
  readonly uid: number;
  readonly gid: number;
}): void {
  const { bundleDir, rootless, uid, gid } = options;
  const config = defaultConfig({
    // Only a host that is all cgroup v2 has this file here.
    cgroupVersion: isThere("/sys/fs/cgroup/cgroup.controllers") ? 2 : 1,
    ...(rootless ? { rootless: { uid, gid } } : {}),
  });
  const file = `${bundleDir}/config.json`;
  try {
    // New: a file that appears meanwhile is not overwritten either.
    writeNew(file, JSON.stringify(config, null, "\t"), 0o666);
  } catch (cause) {
    if (isErrno(cause, "EEXIST")) {
      throw new RuntimeError("BUNDLE_UNREADABLE", "file config.json exists. Remove it first", {
        cause: `in ${JSON.stringify(bundleDir)}`,
      });
    }
    throw new RuntimeError("BUNDLE_UNREADABLE", "write config.json", { cause });
  }
}
