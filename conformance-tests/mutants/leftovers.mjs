// What tests that were killed leave outside of their namespaces: cgroups.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { removeCgroups } from "../shim/leftovers.mjs";

/** Below the directory of temporary files each run of the container tests has one, and its cgroups have its name. */
export function removeLeftCgroups(temporaryDir) {
  if (!existsSync(temporaryDir)) return;
  for (const name of readdirSync(temporaryDir)) {
    if (!name.startsWith("tsoci-test-")) continue;
    const parent = `/tsoci-test/${name}`;
    // What is frozen does not even end when it is killed.
    const files = ["-path", `*${parent}/*`, "-name", "freezer.state"];
    spawnSync("find", [
      "/sys/fs/cgroup",
      ...files,
      "-exec",
      "sh",
      "-c",
      'echo THAWED > "$1"',
      "sh",
      "{}",
      ";",
    ]);
    removeCgroups(parent);
  }
}
