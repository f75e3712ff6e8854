import type { Mount } from "../generated/config";
import { defaultConfig } from "../spec/default-config";
import { namespaceKinds } from "../spec/kernel-constants";
import { planMountsAdd, planMountsRemove } from "./live-mounts";

const { pid, network, mount, user, time } = namespaceKinds;
const config = defaultConfig({ cgroupVersion: 1 });
const root = { euid: 0, selinux: false };
const options = {
  bundleDir: "/b",
  rootfsPath: "/b/rootfs",
  namespaces: pid.flag | network.flag | mount.flag | time.flag,
};

const mounts: Mount[] = [
  { destination: "/data", source: "data", options: ["rbind", "ro"] },
  { destination: "/data/scratch", type: "tmpfs", source: "tmpfs" },
];
const add = (list: readonly Mount[] = mounts, facts = root, given = options) =>
  planMountsAdd(config, facts, list, given);
const stepsOf = (plan: ReturnType<typeof add>) => plan.steps.map(({ step }) => step);

test("sources are the host's: the driver opens them before the container is joined", () => {
  const plan = add();

  const bind = stepsOf(plan).find(({ op }) => op === "bindMount");
  expect(bind).toMatchObject({ openedByDriver: 0, idmapFd: -1, target: "/data" });
  expect(plan.descriptors[(bind as { sourceFd: number }).sourceFd]).toEqual({
    kind: "mountSource",
    path: "/b/data",
    recursive: true,
    follow: true,
  });
});

test("it joins by its init, is never in the pid namespace, and ends without a program", () => {
  const ops = stepsOf(add()).map(({ op }) => op);

  expect(ops).toEqual([
    "protectProcess",
    "openProcfs",
    "joinContainer",
    "bindMount",
    "mountFilesystem",
    "reportReady",
    "end",
  ]);
  expect(stepsOf(add())).toContainEqual(
    expect.objectContaining({ op: "joinContainer", flags: network.flag | mount.flag, rootFd: -1 }),
  );
});

test("in a user namespace it is the container's root", () => {
  const given = { ...options, namespaces: mount.flag | user.flag };

  const ops = stepsOf(add(mounts, root, given)).map(({ op }) => op);

  expect(ops.indexOf("becomeRoot")).toBe(ops.indexOf("joinContainer") + 1);
});

test("file systems get the container's mount label", () => {
  const labelled = { ...config, linux: { ...config.linux, mountLabel: "a:b" } };

  const plan = planMountsAdd(labelled, { euid: 0, selinux: true }, mounts, options);

  expect(stepsOf(plan)).toContainEqual(
    expect.objectContaining({ op: "mountFilesystem", options: ['context="a:b"'] }),
  );
});

test("mappings go into the descriptor of a source, and by a descriptor to a file system", () => {
  const ids = [{ containerID: 0, hostID: 1000, size: 1 }];
  const mapped = mounts.map((entry) => ({ ...entry, uidMappings: ids, gidMappings: ids }));

  const maps = { uidMap: "0 1000 1\n", gidMap: "0 1000 1\n" };
  expect(add(mapped).descriptors).toEqual([
    expect.objectContaining({ kind: "mountSource", idmap: { ...maps, recursive: false } }),
    { kind: "idmap", ...maps, recursive: false },
    { kind: "held", name: "container" },
  ]);
});

test("removing looks for all of them first, and takes the last one first", () => {
  const plan = planMountsRemove(config, root, mounts, options);

  const work = plan.steps.filter(({ step }) => step.op === "unmount");
  expect(work.map(({ step, property }) => ({ ...step, property }))).toEqual([
    { op: "unmount", target: "/data/scratch", checkOnly: 1, property: "/1" },
    { op: "unmount", target: "/data", checkOnly: 1, property: "/0" },
    { op: "unmount", target: "/data/scratch", checkOnly: 0, property: "/1" },
    { op: "unmount", target: "/data", checkOnly: 0, property: "/0" },
  ]);
  expect(plan.descriptors).toEqual([{ kind: "held", name: "container" }]);
});
