import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../generated/config";
import { defaultConfig } from "../spec/default-config";
import { namespaceKinds } from "../spec/kernel-constants";
import { affinityMask, type ExecOptions, planExec } from "./exec";
import { printPlan } from "./golden/print-plan";

type Process = NonNullable<Config["process"]>;

const { pid, network, ipc, uts, mount, user, time } = namespaceKinds;
const usual = pid.flag | network.flag | ipc.flag | uts.flag | mount.flag;

const options: ExecOptions = {
  id: "web",
  newKeyring: true,
  preserveFds: 0,
  extraEnv: [],
  tasksFiles: ["/sys/fs/cgroup/cpu/web/tasks", "/sys/fs/cgroup/memory/web/tasks"],
  namespaces: usual,
};
const onUnified = { ...options, tasksFiles: [] };
const base = defaultConfig({ cgroupVersion: 1 });

function withProcess(edit: Partial<Process>, config: Config = base): Config {
  return { ...config, process: { ...(config.process as Process), terminal: false, ...edit } };
}

function withNamespaces(...types: string[]): Config {
  const namespaces = types.map((type) => ({ type })) as NonNullable<Config["linux"]>["namespaces"];
  return withProcess({}, { ...base, linux: { ...(namespaces && { namespaces }) } });
}

const root = { euid: 0 };

/** By the name of the file that holds the plan as it should be. */
const plans: Readonly<Record<string, () => ReturnType<typeof planExec>>> = {
  "exec-v1": () => planExec(withProcess({}), root, options),
  "exec-unified": () => planExec(withProcess({}), root, onUnified),
  "exec-user-and-time": () =>
    planExec(
      withProcess(
        { rlimits: [{ type: "RLIMIT_CORE", soft: 0n, hard: 1n }] },
        withNamespaces("user", "pid", "mount", "time"),
      ),
      root,
      { ...onUnified, namespaces: user.flag | pid.flag | mount.flag | time.flag },
    ),
  "exec-no-mount-namespace": () =>
    planExec(withNamespaces("pid"), root, { ...onUnified, namespaces: pid.flag }),
  "exec-no-pid-namespace": () =>
    planExec(withNamespaces("mount"), root, { ...onUnified, namespaces: mount.flag }),
  "exec-terminal": () =>
    planExec(
      withProcess({ terminal: true, consoleSize: { height: 10, width: 110 } }),
      root,
      onUnified,
    ),
  "exec-everything": () =>
    planExec(
      {
        ...withProcess({
          execCPUAffinity: { initial: "0", final: "0-1,9" },
          oomScoreAdj: 7,
          apparmorProfile: "some-profile",
          selinuxLabel: "some-label",
          scheduler: { policy: "SCHED_BATCH", nice: 3 },
          ioPriority: { class: "IOPRIO_CLASS_IDLE", priority: 0 },
        }),
        linux: { ...base.linux, personality: { domain: "LINUX32" } },
      },
      root,
      { ...onUnified, preserveFds: 2, seccomp: { program: new Uint8Array(8), flags: 0 } },
    ),
};

describe("a plan is as it was reviewed; UPDATE_GOLDEN=1 writes it anew", () => {
  test.each(Object.keys(plans))("%s", (name) => {
    const file = join(__dirname, "golden", `${name}.txt`);
    const printed = printPlan((plans[name] as () => ReturnType<typeof planExec>)());
    if (process.env.UPDATE_GOLDEN === "1") writeFileSync(file, printed);

    expect(printed).toBe(readFileSync(file, "utf8"));
  });
});

describe("the order", () => {
  const opsOf = (name: string) =>
    (plans[name]?.().steps ?? []).map(({ step }) => step.op as string);

  test.each(Object.keys(plans))("%s: it is protected first, and executed last", (name) => {
    const ops = opsOf(name);

    expect(ops[0]).toBe("protectProcess");
    expect(ops.at(-1)).toBe("execute");
    expect(ops.filter((op) => op === "joinContainer")).toHaveLength(1);
  });

  test("a container sees the process only once it has the container's root: CVE-2016-9962", () => {
    for (const name of [
      "exec-v1",
      "exec-unified",
      "exec-user-and-time",
      "exec-no-mount-namespace",
    ]) {
      const ops = opsOf(name);
      expect(ops.indexOf("forkInit")).toBeGreaterThan(ops.indexOf("joinContainer"));
    }
    expect(opsOf("exec-no-pid-namespace")).not.toContain("forkInit");
  });

  test("cgroups and labels come before the host is out of sight", () => {
    const ops = opsOf("exec-everything");
    const join = ops.indexOf("joinContainer");

    for (const op of ["setExecLabel", "setAffinity", "ask"])
      expect({ op, before: ops.indexOf(op) < join && ops.includes(op) }).toEqual({
        op,
        before: true,
      });
    expect(opsOf("exec-v1").indexOf("joinCgroup")).toBeLessThan(
      opsOf("exec-v1").indexOf("joinContainer"),
    );
  });
});

test("nobody's namespaces are joined when all are the driver's own", () => {
  const { steps } = planExec(withNamespaces("mount"), root, { ...onUnified, namespaces: 0 });

  expect(steps.map(({ step }) => step)).toContainEqual(
    expect.objectContaining({ op: "joinContainer", flags: 0 }),
  );
});

test("an affinity is a mask in whole words, and none where nothing is said", () => {
  expect(affinityMask(undefined)).toBeUndefined();
  expect(affinityMask("")).toBeUndefined();
  expect([...(affinityMask("0,2-3") ?? [])]).toEqual([0b1101, 0, 0, 0, 0, 0, 0, 0]);
  expect(affinityMask("64")?.length).toBe(16);
});
