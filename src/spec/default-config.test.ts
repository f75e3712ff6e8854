import { defaultConfig } from "./default-config";
import { parseConfig } from "./parse-config";

const written = (options: Parameters<typeof defaultConfig>[0]) =>
  new TextEncoder().encode(JSON.stringify(defaultConfig(options), null, "\t"));

test.each([
  ["cgroup v1", { cgroupVersion: 1 }],
  ["cgroup v2", { cgroupVersion: 2 }],
  ["rootless", { cgroupVersion: 2, rootless: { uid: 1000, gid: 1001 } }],
] as const)("for %s it has no issue and no warning", (_name, options) => {
  const parsed = parseConfig(written(options));
  expect(parsed).toMatchObject({ ok: true, warnings: [] });
});

test("callers that edit it by name find what runc would have written", () => {
  const config = defaultConfig({ cgroupVersion: 1 });
  expect(Object.keys(config)).toEqual([
    "ociVersion",
    "process",
    "root",
    "hostname",
    "mounts",
    "linux",
  ]);
  expect(config.process).toMatchObject({
    args: ["sh"],
    cwd: "/",
    terminal: true,
    noNewPrivileges: true,
  });
  expect(Object.keys(config.process?.capabilities ?? {})).toEqual([
    "bounding",
    "effective",
    "permitted",
  ]);
  expect(config.linux?.namespaces?.map(({ type }) => type)).toEqual([
    "pid",
    "network",
    "ipc",
    "uts",
    "mount",
  ]);
  expect(config.linux?.resources?.devices).toEqual([{ allow: false, access: "rwm" }]);
});

test("cgroup v2 adds a cgroup namespace", () => {
  const types = defaultConfig({ cgroupVersion: 2 }).linux?.namespaces?.map(({ type }) => type);
  expect(types).toEqual(["pid", "network", "ipc", "uts", "mount", "cgroup"]);
});

test("rootless maps the caller to root and needs neither network nor group 5", () => {
  const config = defaultConfig({ cgroupVersion: 1, rootless: { uid: 1000, gid: 1001 } });
  expect(config.linux?.uidMappings).toEqual([{ containerID: 0, hostID: 1000, size: 1 }]);
  expect(config.linux?.gidMappings).toEqual([{ containerID: 0, hostID: 1001, size: 1 }]);
  expect(config.linux?.namespaces?.map(({ type }) => type)).toEqual([
    "pid",
    "ipc",
    "uts",
    "mount",
    "user",
  ]);
  expect(config.linux?.resources).toBeUndefined();
  expect(config.mounts?.flatMap(({ options }) => options ?? []).join()).not.toContain("gid=");
  expect(config.mounts?.find(({ destination }) => destination === "/sys")).toMatchObject({
    source: "/sys",
    options: ["rbind", "nosuid", "noexec", "nodev", "ro"],
  });
});
