import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isErrno } from "../errors/describe";
import { RuntimeError } from "../errors/runtime-error";
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
    cgroupVersion: existsSync("/sys/fs/cgroup/cgroup.controllers") ? 2 : 1,
    ...(rootless ? { rootless: { uid, gid } } : {}),
  });
  const file = join(bundleDir, "config.json");
  try {
    // "wx": a file that appears meanwhile is not overwritten either.
    writeFileSync(file, JSON.stringify(config, null, "\t"), { flag: "wx", mode: 0o666 });
  } catch (cause) {
    if (isErrno(cause, "EEXIST")) {
      throw new RuntimeError("BUNDLE_UNREADABLE", "file config.json exists. Remove it first", {
        cause: `in ${JSON.stringify(bundleDir)}`,
      });
    }
    throw new RuntimeError("BUNDLE_UNREADABLE", "write config.json", { cause });
  }
}
