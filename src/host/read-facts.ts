import { parseCgroupLayout } from "../cgroups/layout";
import type { HostFacts } from "../plan/host-facts";
import { isThere, readText } from "./files";
import { parseMounts } from "./mounts";
import { isInUserNamespace } from "./user-namespace";

/** Looks at the machine, once for each operation. */
export function readHostFacts(): HostFacts {
  const mountinfo = readText("/proc/self/mountinfo");
  const resctrl = parseMounts(mountinfo, "resctrl").find(({ root }) => root === "/");
  return {
    euid: process.geteuid?.() ?? 0,
    egid: process.getegid?.() ?? 0,
    cgroups: parseCgroupLayout(mountinfo),
    inUserNamespace: isInUserNamespace(),
    hasKcore: isThere("/proc/kcore"),
    apparmor: isApparmorOn(),
    // A container is shown it read-only, which tells libselinux that policy is not for it to load.
    selinux: parseMounts(mountinfo, "selinuxfs").some(({ readOnly }) => !readOnly),
    resctrl: resctrl?.mountPoint,
  };
}

/** The module's parameter, and no file of securityfs: containers do not have that. */
function isApparmorOn(): boolean {
  const path = "/sys/module/apparmor/parameters/enabled";
  return isThere(path) && readText(path).startsWith("Y");
}
