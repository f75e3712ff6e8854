// A seccomp profile of the size and the shape of the ones that engines apply by default.
import { readFileSync } from "node:fs";

/** What such profiles keep from containers, or allow by their arguments only. */
const left = `acct add_key bpf clock_adjtime clock_settime clone clone3 create_module delete_module
  finit_module fsconfig fsmount fsopen fspick get_kernel_syms get_mempolicy init_module ioperm iopl kcmp
  kexec_file_load kexec_load keyctl lookup_dcookie mbind mount mount_setattr move_mount move_pages
  name_to_handle_at nfsservctl open_by_handle_at open_tree perf_event_open personality pivot_root
  process_vm_readv process_vm_writev ptrace query_module quotactl reboot request_key set_mempolicy setns
  settimeofday socket swapoff swapon _sysctl sysfs umount2 unshare uselib userfaultfd ustat vm86 vm86old
  vhangup`.split(/\s+/);

const headers = ["unistd_64.h", "unistd_32.h"].map(
  (name) => `/usr/include/x86_64-linux-gnu/asm/${name}`,
);

export function engineProfile() {
  const texts = headers.map((path) => readFileSync(path, "utf8"));
  const known = texts.flatMap((text) => [...text.matchAll(/__NR_(\w+)/g)].map(([, name]) => name));
  const names = [...new Set(known)].filter((name) => !left.includes(name)).sort();
  const allow = (rule) => ({ action: "SCMP_ACT_ALLOW", ...rule });
  const personality = (value) =>
    allow({ names: ["personality"], args: [{ index: 0, value, op: "SCMP_CMP_EQ" }] });
  return {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: 1,
    architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
    syscalls: [
      allow({ names }),
      ...[0, 8, 0x20000, 0x20008, 0xffffffff].map(personality),
      // AF_VSOCK.
      allow({ names: ["socket"], args: [{ index: 0, value: 40, op: "SCMP_CMP_NE" }] }),
      // No new namespaces.
      allow({
        names: ["clone"],
        args: [{ index: 0, value: 0x7e020000, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }],
      }),
      { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: 38 },
    ],
  };
}
