import { readCgroupLayout } from "../cgroups/layout";
import type { HostFacts } from "../plan/host-facts";
import { isThere, readText } from "./files";

/** Looks at the machine, once for each operation. */
export function readHostFacts(): HostFacts {
  return {
    euid: process.geteuid?.() ?? 0,
    egid: process.getegid?.() ?? 0,
    cgroups: readCgroupLayout(),
    inUserNamespace: isInUserNamespace(),
    hasKcore: isThere("/proc/kcore"),
  };
}

/** The first user namespace maps every id to itself. */
function isInUserNamespace(): boolean {
  return !/^\s*0\s+0\s+4294967295\s*$/.test(readText("/proc/self/uid_map"));
}
