/** Annotations of crun that engines send, and what they ask for here. */
export const crunAnnotations = {
  /** "1": the program keeps the groups of the caller: podman's `--group-add keep-groups`. */
  keepGroups: "run.oci.keep_original_groups",
  /** Which of the mount options of SELinux gets the mount label: podman's and cri-o's volumes. */
  mountContextType: "run.oci.mount_context_type",
  /** A socket that gets a pidfd of init, as by `--pidfd-socket`. */
  pidfdReceiver: "run.oci.pidfd_receiver",
  /** The agent of seccomp notifications, where `listenerPath` names none. */
  seccompReceiver: "run.oci.seccomp.receiver",
  /** Refuse a profile with names that libseccomp does not know. */
  failUnknownSyscall: "run.oci.seccomp_fail_unknown_syscall",
} as const;

/** Those that would isolate a container otherwise than this runtime does: without them it is another one. */
export const refusedAnnotations = [
  "run.oci.handler",
  "run.oci.seccomp_bpf_data",
  "run.oci.seccomp.plugins",
] as const;

export const mountContextTypes = ["context", "fscontext", "defcontext", "rootcontext"] as const;

/** What `annotations` say of one of these; an empty value says nothing. */
export function askedOfCrun(
  annotations: Readonly<Record<string, string | undefined>> | undefined,
  name: keyof typeof crunAnnotations,
): string | undefined {
  return annotations?.[crunAnnotations[name]] || undefined;
}
