import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Config, hookKinds, processOf, withUserNamespace } from "../support/config";
import type { Container } from "../support/container";
import { probeHook } from "../support/hook";

/** A config that has init and the driver do nearly all that they can do. */
export function everything(config: Config, box: Container): void {
  const shared = join(box.dir, "hooks.log");
  writeFileSync(shared, "");
  config.hooks = Object.fromEntries(
    hookKinds.map((kind) => [kind, [{ ...probeHook(kind, "--quiet"), timeout: 20 }]]),
  );
  config.root = { path: "rootfs" };
  Object.assign(processOf(config), {
    user: { uid: 1000, gid: 1000, umask: 0o27, additionalGids: [5, 10] },
    rlimits: [{ type: "RLIMIT_NOFILE", soft: 512, hard: 1024 }],
    oomScoreAdj: 100,
    scheduler: { policy: "SCHED_BATCH", nice: 1 },
    ioPriority: { class: "IOPRIO_CLASS_BE", priority: 4 },
  });
  config.mounts.push(
    { destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup", "nosuid"] },
    { destination: "/log", type: "bind", source: shared, options: ["bind", "ro"] },
    { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["ro"] },
  );
  Object.assign(config.linux, {
    devices: [
      { type: "c", path: "/dev/more", major: 1, minor: 3, fileMode: 0o666, uid: 0, gid: 0 },
    ],
    resources: {
      devices: [{ allow: false, access: "rwm" }],
      memory: { limit: 256 << 20 },
      cpu: { shares: 512 },
      pids: { limit: 64 },
    },
    sysctl: { "net.ipv4.ip_forward": "1" },
    maskedPaths: ["/proc/kcore", "/proc/acpi"],
    readonlyPaths: ["/proc/sys"],
    rootfsPropagation: "private",
    personality: { domain: "LINUX" },
    seccomp: {
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [{ names: ["kexec_load"], action: "SCMP_ACT_ERRNO" }],
    },
  });
}

/** A new user namespace and one that is joined: both need a first stage, ids that are mapped, and questions. */
export function namespaced(config: Config, networkPath: string): void {
  withUserNamespace(config);
  config.linux.namespaces = config.linux.namespaces.map((namespace) =>
    namespace.type === "network" ? { type: "network", path: networkPath } : namespace,
  );
  config.linux.namespaces.push({ type: "time" }, { type: "cgroup" });
  config.linux.timeOffsets = { monotonic: { secs: 100 } };
  config.mounts = config.mounts.filter(({ type }) => type !== "sysfs");
  processOf(config).terminal = true;
}
