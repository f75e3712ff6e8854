import type { Addon } from "../addon/bindings";
import type { DeviceRule } from "../generated/config";
import { closeFile, openFile } from "../host/files";
import type { HostFacts } from "../plan/host-facts";
import { type Cgroup, directoryOf, writeCgroupFile } from "./cgroup";
import { listDeviceRules, writesOf } from "./device-rules";

/**
 * Limits which devices the container can use: config-linux.md#allowed-device-list, and the ones that every
 * container has. By files on v1, by a BPF program on v2.
 */
export function applyDeviceRules(
  addon: Addon,
  cgroup: Cgroup,
  configured: readonly DeviceRule[] | undefined,
  facts: HostFacts,
): void {
  // Whoever has no right to make device nodes has none to judge them; the kernel denies them all anyway.
  if (facts.euid !== 0 || facts.inUserNamespace) return;
  const rules = listDeviceRules(configured ?? []);
  const directory = directoryOf(cgroup, "devices");
  if (directory === undefined) return;
  const { hierarchy, path } = directory;
  if (hierarchy.version === 1) {
    for (const { file, line } of writesOf(rules)) writeCgroupFile(`${path}/${file}`, line);
    return;
  }
  // Loaded here: only a host without the v1 controller needs the assembler.
  const { assembleDeviceProgram } =
    require("./device-program") as typeof import("./device-program");
  const cgroupFd = openFile(path, "read");
  try {
    addon.attachDeviceProgram({ cgroupFd, instructions: assembleDeviceProgram(rules) });
  } finally {
    closeFile(cgroupFd);
  }
}
