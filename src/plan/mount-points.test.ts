import { defaultConfig } from "../spec/default-config";
import { externalMounts, mountPoints } from "./external-mounts";
import type { HostFacts } from "./host-facts";
import { planMountPoints } from "./mount-points";
import { planContainer } from "./plan";

const facts: HostFacts = {
  euid: 0,
  egid: 0,
  cgroups: {
    mode: "legacy",
    hierarchies: [
      { version: 1, controllers: ["cpu"], mountPoint: "/sys/fs/cgroup/cpu", mountRoot: "/" },
    ],
  },
  inUserNamespace: false,
  hasKcore: false,
  apparmor: false,
  selinux: false,
  resctrl: undefined,
};

const options = {
  id: "web",
  bundleDir: "/bundle",
  rootfsPath: "/bundle/rootfs",
  pivot: true,
  newKeyring: true,
  preserveFds: 0,
  cgroupPath: "/web",
  extraEnv: [],
  hookEnv: () => [],
};

const plain = defaultConfig({ cgroupVersion: 1 });
const config = {
  ...plain,
  mounts: [
    ...(plain.mounts ?? []),
    { destination: "/data", source: "data", options: ["bind"] },
    { destination: "/logs", source: "/logs", options: ["rbind", "ro"] },
  ],
  hooks: { createRuntime: [{ path: "/hook" }] },
};

test("mount points are made by the mounts of the config, in a mount namespace that is only theirs", () => {
  const plan = planMountPoints(config, facts, options);

  const ops = plan.steps.map(({ step }) => step.op);
  expect(ops.slice(0, 3)).toEqual(["protectProcess", "setPropagation", "attachRootfs"]);
  expect(ops.at(-1)).toBe("reportReady");
  expect(plan.cloneFlags).toBe(0x00020000);
  expect(plan.descriptors).toEqual([]);
  expect(plan.driver.hostHooks).toEqual([]);
  expect(new Set(ops.slice(3, -1))).toEqual(new Set(["mountFilesystem", "bindMount", "remount"]));
});

test("what a container has from the host is known by its plan", () => {
  const { steps } = planContainer(config, facts, options);

  expect(externalMounts(steps)).toEqual([
    { target: "/sys/fs/cgroup/cpu", source: "/sys/fs/cgroup/cpu/web" },
    { target: "/data", source: "/bundle/data" },
    { target: "/logs", source: "/logs" },
  ]);
  expect(mountPoints(steps)).toEqual({
    boundPaths: ["/sys/fs/cgroup/cpu", "/data", "/logs"],
    maskedPaths: plain.linux?.maskedPaths,
  });
});
