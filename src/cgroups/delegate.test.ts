import type { Config } from "../generated/config";
import { defaultConfig } from "../spec/default-config";
import { delegatedTo } from "./delegate";

type Namespaces = NonNullable<NonNullable<Config["linux"]>["namespaces"]>;

const base = defaultConfig({ cgroupVersion: 2 });
const writable = (base.mounts ?? []).map((mount) =>
  mount.destination === "/sys/fs/cgroup" ? { ...mount, options: ["rw"] } : mount,
);

function config(edit: {
  readonly namespaces?: Namespaces;
  readonly uid?: number;
  readonly mounts?: Config["mounts"];
}): Config {
  const { namespaces = [{ type: "cgroup" }], uid = 1000, mounts = writable } = edit;
  const process = base.process && { ...base.process, user: { uid, gid: 0 } };
  const uidMappings = [
    { containerID: 0, hostID: 100_000, size: 1000 },
    { containerID: 1000, hostID: 500_000, size: 10 },
  ];
  return {
    ...base,
    ...(mounts && { mounts }),
    ...(process && { process }),
    linux: { ...base.linux, namespaces, uidMappings },
  };
}

describe("the cgroup goes to the host's user", () => {
  test("who runs the program", () => {
    expect(delegatedTo(config({}))).toBe(1000);
  });

  test("to whom the mappings lead", () => {
    const namespaces: Namespaces = [{ type: "cgroup" }, { type: "user" }];

    expect(delegatedTo(config({ namespaces, uid: 1003 }))).toBe(500_003);
    expect(delegatedTo(config({ namespaces, uid: 5 }))).toBe(100_005);
  });
});

describe("it stays where it is", () => {
  test.each<[string, Parameters<typeof config>[0]]>([
    ["without a cgroup namespace", { namespaces: [{ type: "pid" }] }],
    ["with somebody else's cgroup namespace", { namespaces: [{ type: "cgroup", path: "/ns" }] }],
    ["with a mount that is read-only", { mounts: base.mounts ?? [] }],
    ["without a mount of cgroups", { mounts: [] }],
    [
      "in somebody else's user namespace, of which the mappings are unknown",
      { namespaces: [{ type: "cgroup" }, { type: "user", path: "/ns" }] },
    ],
    [
      "for a user that is not mapped",
      { namespaces: [{ type: "cgroup" }, { type: "user" }], uid: 5000 },
    ],
  ])("%s", (_, edit) => {
    expect(delegatedTo(config(edit))).toBeUndefined();
  });
});
