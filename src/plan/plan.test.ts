import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../generated/config";
import { defaultConfig } from "../spec/default-config";
import type { PlanOptions } from "./context";
import { printPlan } from "./golden/print-plan";
import type { CgroupLayout, HostFacts } from "./host-facts";
import { order } from "./order";
import { type ContainerPlan, planContainer } from "./plan";
import { findIgnored, findUnavailable } from "./unavailable";

const hybrid: CgroupLayout = {
  mode: "legacy",
  hierarchies: [
    {
      version: 1,
      controllers: ["cpu", "cpuacct"],
      mountPoint: "/sys/fs/cgroup/cpu,cpuacct",
      mountRoot: "/",
    },
    {
      version: 1,
      controllers: ["name=systemd"],
      mountPoint: "/sys/fs/cgroup/systemd",
      mountRoot: "/",
    },
    { version: 2, controllers: [], mountPoint: "/sys/fs/cgroup/unified", mountRoot: "/" },
  ],
};

const unified: CgroupLayout = {
  mode: "unified",
  hierarchies: [{ version: 2, controllers: [], mountPoint: "/sys/fs/cgroup", mountRoot: "/" }],
};

const facts = (cgroups: CgroupLayout): HostFacts => ({
  euid: 0,
  egid: 0,
  cgroups,
  inUserNamespace: false,
  hasKcore: true,
  apparmor: false,
  selinux: false,
  resctrl: undefined,
});

const options: PlanOptions = {
  id: "web",
  bundleDir: "/bundle",
  rootfsPath: "/bundle/rootfs",
  pivot: true,
  newKeyring: true,
  preserveFds: 0,
  cgroupPath: "/pods/web",
  extraEnv: [],
  hookEnv: () => ["HOOK=1"],
};

const base = defaultConfig({ cgroupVersion: 1 });
const withNamespaces = (
  namespaces: NonNullable<Config["linux"]>["namespaces"],
  more: object = {},
): Config => ({
  ...base,
  linux: { ...base.linux, ...(namespaces === undefined ? {} : { namespaces }), ...more },
});

const everyNamespace = ["pid", "network", "ipc", "uts", "mount", "cgroup"].map((type) => ({
  type,
})) as NonNullable<NonNullable<Config["linux"]>["namespaces"]>;

/** What is planned, by the name of the file that holds the plan as it should be. */
const plans: Record<string, () => ContainerPlan> = {
  "default-hybrid": () => planContainer(base, facts(hybrid), options),
  "default-unified": () => planContainer(withNamespaces(everyNamespace), facts(unified), options),
  "user-and-time": () =>
    planContainer(
      withNamespaces([...everyNamespace, { type: "user" }, { type: "time" }], {
        uidMappings: [{ containerID: 0, hostID: 100000, size: 65536 }],
        gidMappings: [{ containerID: 0, hostID: 100000, size: 65536 }],
        timeOffsets: { monotonic: { secs: 100 } },
      }),
      facts(unified),
      options,
    ),
  joined: () =>
    planContainer(
      withNamespaces([
        { type: "mount" },
        { type: "user", path: "/run/ns/user" },
        { type: "network", path: "/run/ns/net" },
        { type: "pid", path: "/run/ns/pid" },
      ]),
      facts(unified),
      options,
    ),
  "no-mount-namespace": () =>
    planContainer(withNamespaces([{ type: "pid" }]), facts(hybrid), options),
};

const label = "system_u:object_r:container_file_t:s0:c4,c5";
plans.labels = () =>
  planContainer(
    {
      ...withNamespaces([{ type: "pid" }, { type: "mount" }, { type: "ipc" }], {
        mountLabel: label,
        maskedPaths: ["/proc/kcore"],
        sysctl: { "kernel.msgmax": "8192" },
      }),
      process: {
        ...(base.process as NonNullable<Config["process"]>),
        apparmorProfile: "some-profile",
        selinuxLabel: "system_u:system_r:container_t:s0:c4,c5",
      },
    },
    { ...facts(hybrid), apparmor: true, selinux: true },
    options,
  );

describe("a plan is as it was reviewed; UPDATE_GOLDEN=1 writes it anew", () => {
  test.each(Object.keys(plans))("%s", (name) => {
    const file = join(__dirname, "golden", `${name}.txt`);
    const printed = printPlan((plans[name] as () => ContainerPlan)());
    if (process.env.UPDATE_GOLDEN === "1") writeFileSync(file, printed);

    expect(printed).toBe(readFileSync(file, "utf8"));
  });
});

describe("the order of init", () => {
  const filter = { program: new Uint8Array(8), flags: 0 };
  const hooks = { createContainer: [{ path: "/h" }], startContainer: [{ path: "/h" }] };
  const config = {
    ...withNamespaces(everyNamespace, { sysctl: { "net.ipv4.ip_forward": "1" } }),
    hooks,
  };
  const ops = planContainer(config, facts(hybrid), { ...options, seccomp: filter }).steps.map(
    ({ step }) => step.op,
  );
  const at = (op: string) => ops.indexOf(op as (typeof ops)[number]);

  test.each([
    ["protectProcess", "joinCgroup", "CVE-2016-9962"],
    ["joinCgroup", "unshareNamespaces", "the cgroup namespace's root is where init is"],
    ["attachRootfs", "mountFilesystem", "the host is cut off first"],
    ["mountFilesystem", "makeDevice", "a mount on /dev would cover them"],
    ["runHook", "pivotRoot", "config.md#posix-platform-hooks"],
    ["writeProcfs", "makePathReadOnly", "/proc/sys becomes read-only"],
    ["maskPath", "makeRootReadOnly", "mount points are made before"],
    ["limitBoundingSet", "becomeUser", "it takes CAP_SETPCAP"],
    ["becomeUser", "setCapabilities", "a change of user changes the sets"],
    ["closeInheritedFiles", "loadSeccomp", "the filter may not allow it"],
    ["findProgram", "loadSeccomp", "the filter may not allow it"],
    ["reportReady", "waitForStart", "create reports what failed"],
  ])("%s comes before %s: %s", (first, second) => {
    expect(at(first)).toBeGreaterThanOrEqual(0);
    expect(at(second)).toBeGreaterThan(at(first));
  });

  test("nothing comes between the filter and the program", () => {
    expect(ops.slice(-2)).toEqual(["loadSeccomp", "execute"]);
  });

  test("every section says why it stands where it does", () => {
    for (const { name, because } of order) expect(`${name}: ${because}`).toMatch(/^.+: .{10,}$/);
  });
});

test("what init needs until the execve is kept for a filter alone, and not with noNewPrivileges", () => {
  const seccomp = { program: new Uint8Array(8), flags: 0 };
  const keptWith = (noNewPrivileges: boolean, more: object) => {
    const process = { ...(base.process as NonNullable<Config["process"]>), noNewPrivileges };
    const plan = planContainer({ ...base, process }, facts(hybrid), { ...options, ...more });
    return plan.steps.flatMap(({ step }) =>
      step.op === "setCapabilities" ? [step.untilExecve] : [],
    );
  };

  expect(keptWith(false, { seccomp })).toEqual([1n << 21n]);
  expect(keptWith(true, { seccomp })).toEqual([0n]);
  expect(keptWith(false, {})).toEqual([0n]);
});

test("without a process everything is made but the program", () => {
  const { process: _, ...config } = base;
  const ops = planContainer(config, facts(hybrid), options).steps.map(({ step }) => step.op);

  expect(ops.at(-1)).toBe("waitForStart");
  expect(ops).not.toContain("becomeUser");
});

describe("labels", () => {
  test("the program is labelled after the hooks of create, where the host's procfs is in sight", () => {
    const ops = planContainer(
      {
        ...base,
        hooks: { createContainer: [{ path: "/h" }] },
        process: {
          ...(base.process as NonNullable<Config["process"]>),
          apparmorProfile: "some",
        },
      },
      { ...facts(hybrid), apparmor: true },
      options,
    ).steps.map(({ step }) => step.op);
    const at = ops.indexOf("setExecLabel");

    expect(ops.slice(at - 1, at + 3)).toEqual([
      "runHook",
      "setExecLabel",
      "closeProcfs",
      "pivotRoot",
    ]);
  });

  const labelled: Config = withNamespaces(everyNamespace, { mountLabel: label });
  const withMounts = (mounts: NonNullable<Config["mounts"]>) =>
    planContainer({ ...labelled, mounts }, { ...facts(hybrid), selinux: true }, options)
      .steps.map(({ step }) => step)
      .flatMap((step) => (step.op === "mountFilesystem" ? [step] : []));

  test("a mount with a label of its own keeps that", () => {
    const own = ['context="a:b:c"', "size=1m"];
    const [step] = withMounts([{ destination: "/t", type: "tmpfs", options: own }]);

    expect(step?.options).toEqual(own);
  });

  test("file systems with labels of their own get none, and a message queue's root is labelled", () => {
    const types = ["proc", "sysfs", "mqueue", "overlay"];
    const steps = withMounts(types.map((type) => ({ destination: `/${type}`, type })));

    expect(steps.map(({ options: given }) => given)).toEqual([[], [], [], [`context="${label}"`]]);
    expect(steps.map(({ rootLabel }) => rootLabel)).toEqual(["", "", label, ""]);
  });

  test("without SELinux the mount label is left out, and said to be", () => {
    const plan = planContainer(labelled, facts(hybrid), options);

    expect(printPlan(plan)).not.toContain("container_file_t");
    expect(findIgnored(labelled, facts(hybrid)).map(({ pointer }) => pointer)).toEqual([
      "/linux/mountLabel",
    ]);
    expect(findIgnored(labelled, { ...facts(hybrid), selinux: true })).toEqual([]);
    expect(findIgnored(base, facts(hybrid))).toEqual([]);
  });

  test("what the machine lacks is refused, and only where it is asked for", () => {
    const process = base.process as NonNullable<Config["process"]>;
    const config: Config = {
      ...withNamespaces(everyNamespace, { intelRdt: {} }),
      process: { ...process, apparmorProfile: "a", selinuxLabel: "b" },
    };
    const all = { ...facts(hybrid), apparmor: true, selinux: true, resctrl: "/sys/fs/resctrl" };

    expect(findUnavailable(config, facts(hybrid)).map(({ pointer }) => pointer)).toEqual([
      "/process/apparmorProfile",
      "/process/selinuxLabel",
      "/linux/intelRdt",
    ]);
    expect(findUnavailable(config, all)).toEqual([]);
    expect(findUnavailable(base, facts(hybrid))).toEqual([]);
  });
});
