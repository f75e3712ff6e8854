/**
 * What stands before the runtime's name so that the runtime, and nobody else, sees a machine that has
 * something it has not: the script runs in a mount namespace of its own, by the process that becomes the
 * runtime.
 */
function pretending(script: string): readonly string[] {
  const isolated = ["unshare", "--mount", "--propagation", "private"];
  return [...isolated, "sh", "-e", "-c", `${script}; exec "$@"`, "sh"];
}

/** A file system that is mounted according to mountinfo. `scratch` is a file that may be written. */
export function pretendMounted(type: string, at: string, scratch: string): readonly string[] {
  const line = `9999 1 0:9999 / ${at} rw,relatime - ${type} ${type} rw`;
  return pretending(
    `{ cat /proc/self/mountinfo; echo "${line}"; } > "${scratch}"; mount --bind "${scratch}" /proc/$$/mountinfo`,
  );
}

/** A kernel whose AppArmor is on, until something is asked of it. */
export function pretendAppArmor(): readonly string[] {
  const dir = "/sys/module/apparmor/parameters";
  return pretending(`mount -t tmpfs tmpfs /sys/module; mkdir -p ${dir}; echo Y > ${dir}/enabled`);
}
